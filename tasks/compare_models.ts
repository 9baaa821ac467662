/**
 * Compares our server with model servers in Python, where there are some: each serves the ONNX model of
 * `examples/models/classifier` and runs it with onnxruntime on one thread, without batches and without a cache.
 * One peer at a time runs beside ours, and takes turns with it under the same load.
 *
 * Ours has one thread that serves and one that runs the model: as many as a peer has processes, or one more.
 */

import { exitWith } from "../lib/cli/exit.ts";
import { type Flag, flagValue, type GivenArguments, optionalFlagValue } from "../lib/cli/flag.ts";
import { integerFrom } from "../lib/cli/flag_kind.ts";
import { parseCommandLine } from "../lib/cli/command_line.ts";
import { cells, ratioCell, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import { classifierTarget, type Target } from "./peers/classifier_target.ts";
import { type Api, PYTHON_PEERS, type PythonPeer } from "./peers/python_peers.ts";
import { startPythonPeer, versionOf } from "./peers/python_process.ts";
import { h2loadVersion, measureResponseTimes } from "./scale/h2load.ts";
import { writeRow, writeTable } from "./scale/table.ts";
import { SERVER_FROM_SOURCES, type ServerProcess, startServerProcess } from "./server_process.ts";

const CONNECTIONS = 8;
const INFLIGHT = 1;
const WARM_UP_MS = 2_000;
const ROUND_MS = 2_000;
const MS_PER_SECOND = 1_000;

const MODEL = new URL("../examples/models/classifier/1/model.onnx", import.meta.url).pathname;

const rounds: Flag<number> = {
  name: "--rounds",
  placeholder: "number",
  summary: `turns of each side, of ${ROUND_MS / MS_PER_SECOND} s`,
  kind: integerFrom(1, 1_000),
  fallback: "5",
};

const outcome = parseCommandLine(
  {
    name: "bench:peers",
    summary: "Compares the server with model servers in Python.",
    positionals: [],
    flags: [rounds, ...PYTHON_PEERS.map(({ python }) => python)],
  },
  Deno.args,
  (name) => Deno.env.get(name),
  (given: GivenArguments) => ({
    rounds: flagValue(rounds, given),
    pythons: PYTHON_PEERS.map(({ python }) => optionalFlagValue(python, given)),
  }),
);
if (outcome.kind === "exit") exitWith(outcome);

write(`${describeMachine()}; ${await h2loadVersion()}; ${CONNECTIONS} connections × ${INFLIGHT}; `);
write(`${outcome.flags.rounds} rounds of ${ROUND_MS} ms; ours with --threads 1 and 1 instance\n`);
write(
  `h2load -c ${CONNECTIONS} -m ${INFLIGHT} -D ${ROUND_MS}ms -d BODY URL, with --h1 but for gRPC; `,
);
write('V2: x as FP32 of shape [1,4], raw over gRPC; JSON: {"x":[[…]]} to /predict\n');
const there: { peer: PythonPeer; python: string; label: string }[] = [];
for (const [index, peer] of PYTHON_PEERS.entries()) {
  const python = outcome.flags.pythons[index];
  const version = python && await versionOf(python, peer.name);
  const onnxruntime = python && await versionOf(python, "onnxruntime");
  if (!python || !version || !onnxruntime) {
    const why = python ? `its Python has no ${version ? "onnxruntime" : peer.name}` : "not given";
    write(`Left out: ${peer.name}, ${why} (${peer.python.name})\n`);
    continue;
  }
  const label = `${peer.name} ${version}`;
  write(`${label}: ${peer.settings}, onnxruntime ${onnxruntime}\n`);
  there.push({ peer, python, label });
}
const columns = ["requests/s", "p50 ms", "p99 ms"];
writeTable(["ours", ...columns, "peer", ...columns, "ratio (min–max)"], []);
const folder = await Deno.makeTempDir({ prefix: "bench-peers-" });
try {
  await using ours = await startOurs(folder);
  for (const { peer, python, label } of there) {
    await using process = await startPythonPeer(python, peer, MODEL);
    await compare(ours, peer, process.ports, { label, count: outcome.flags.rounds });
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function startOurs(folder: string): Promise<ServerProcess> {
  const models = `${folder}/models`;
  await Deno.mkdir(`${models}/classifier/1`, { recursive: true });
  await Deno.copyFile(MODEL, `${models}/classifier/1/model.onnx`);
  // The example's own has a cache and batches.
  await Deno.writeTextFile(`${models}/classifier/model.json`, '{ "platform": "onnx" }');
  return await startServerProcess(SERVER_FROM_SOURCES, [
    ...["--host", "127.0.0.1", "--http-port", "0", "--threads", "1", "--models", models],
  ]);
}

async function compare(
  { port, httpPort }: ServerProcess,
  { apis }: PythonPeer,
  ports: readonly number[],
  { label, count }: { readonly label: string; readonly count: number },
): Promise<void> {
  if (httpPort === undefined) throw new Error("Cannot measure: the server does without REST");
  const side = async (api: Api, port: number) => ({
    api,
    target: await classifierTarget(api, port, folder),
    results: [] as Awaited<ReturnType<typeof load>>[],
  });
  const ours = [await side("V2 REST", httpPort), await side("V2 gRPC", port)];
  const theirs = await Promise.all(apis.map((api, index) => side(api, ports[index])));
  for (const { target } of [...ours, ...theirs]) await load(target, WARM_UP_MS);
  for (let round = 0; round < count; round++) {
    for (const { target, results } of [...ours, ...theirs]) {
      results.push(await load(target, ROUND_MS));
    }
  }
  for (const our of ours) {
    const their = theirs.find(({ api }) => api === our.api) ?? theirs[0];
    writeRow([
      our.api,
      ...cells(our.results),
      `${label}, ${their.api}`,
      ...cells(their.results),
      ratioCell(
        our.results.map((each, index) => each.callsPerSecond / their.results[index].callsPerSecond),
      ),
    ]);
  }
}

async function load(target: Target, durationMs: number) {
  const result = await measureResponseTimes({
    ...{ ...target, connections: CONNECTIONS, inflight: INFLIGHT },
    length: { durationMs },
  });
  const callsPerSecond = result.requests / result.durationMs * MS_PER_SECOND;
  return { callsPerSecond, p50Ms: result.p50Ms, p99Ms: result.p99Ms };
}
