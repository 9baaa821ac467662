import { openChannel } from "../../lib/grpc/channel.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { median } from "../comparison.ts";
import type { OnnxGraph } from "../models/onnx_writer.ts";
import { processorMs } from "../scale/process_usage.ts";
import { writeRow, writeTable } from "../scale/table.ts";
import { fromSources, readLine } from "../server_process.ts";
import { bytesEcho } from "./bytes_echo.ts";
import { closedRate } from "./closed_rate.ts";
import { withModels } from "./served_models.ts";

const ROUNDS = 5;
const ROUND_MS = 2_000;
const INFLIGHT = 2;
const ELEMENTS = 262_144;
const BYTES = 4 * ELEMENTS;
const BYTES_PER_GB = 1e9;

/** y = x. Shapes: x, y (n, ELEMENTS), n any. */
const IDENTITY: OnnxGraph = {
  inputs: [{ name: "x", datatype: "FP32", shape: ["n", ELEMENTS] }],
  outputs: [{ name: "y", datatype: "FP32", shape: ["n", ELEMENTS] }],
  nodes: [{ operator: "Identity", inputs: ["x"], outputs: ["y"] }],
};

/** What one way of giving a megabyte back measured. */
interface Sample {
  readonly callsPerSecond: number;
  /** Processor time of the other process; `undefined` where there is none. */
  readonly serverMs: number | undefined;
}

/** FP32 tensors of 1 MiB in and out of a model that gives them back, against what it cannot be faster than. */
export async function measureRaw(): Promise<void> {
  const columns = ["calls/s", "GB/s in and out", "server ms"];
  writeTable([`1 MiB in, 1 MiB out, ${INFLIGHT} in flight`, ...columns], []);
  await withModels({ identity: { graph: IDENTITY } }, async ({ server }) => {
    const [program, ...args] = fromSources("bench_models/echo_server.ts");
    const echo = new Deno.Command(program, { args, stdout: "piped" }).spawn();
    try {
      const line = await readLine(echo.stdout);
      const { port } = JSON.parse(line ?? "") as { port: number };
      await compare({ port: server.port, pid: server.child.pid }, { port, pid: echo.pid });
    } finally {
      echo.kill("SIGTERM");
      await echo.status;
    }
  });
}

interface Peer {
  readonly port: number;
  readonly pid: number;
}

async function compare(models: Peer, echo: Peer): Promise<void> {
  const data = new Float32Array(ELEMENTS).map((_, index) => index);
  const bytes = new Uint8Array(data.buffer);
  const modelChannel = openChannel({ hostname: "127.0.0.1", port: models.port });
  const echoChannel = openChannel({ hostname: "127.0.0.1", port: echo.port });
  const client = new InferenceClient(modelChannel);
  const x: Tensor = { name: "x", datatype: "FP32", shape: [1, ELEMENTS], data };
  const infer = () => client.infer({ model: "identity", inputs: [x] });
  const [y] = (await infer()).answer.outputs;
  if (y.data.length !== ELEMENTS || y.data[ELEMENTS - 1] !== ELEMENTS - 1) {
    throw new Error("Cannot measure: the model does not give its input back");
  }
  const into = new Uint8Array(BYTES);
  const ways: Readonly<Record<string, () => Promise<Sample>>> = {
    "model, through the server": () => sample(infer, models.pid),
    "gRPC echo, no model": () => sample(() => echoChannel.unary(bytesEcho, bytes), echo.pid),
    "two copies in memory": () =>
      sample(() => {
        into.set(bytes);
        bytes.set(into);
      }, undefined),
  };
  const samples = new Map<string, Sample[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, measure] of Object.entries(ways)) samples.get(name)?.push(await measure());
  }
  for (const [name, all] of samples) {
    const perSecond = median(all.map(({ callsPerSecond }) => callsPerSecond));
    const serverMs = all.flatMap((each) => each.serverMs === undefined ? [] : [each.serverMs]);
    writeRow([
      name,
      perSecond.toFixed(0),
      (2 * BYTES * perSecond / BYTES_PER_GB).toFixed(2),
      serverMs.length === 0 ? "" : median(serverMs).toFixed(2),
    ]);
  }
  modelChannel.close();
  echoChannel.close();
}

async function sample(call: () => unknown, pid: number | undefined): Promise<Sample> {
  let calls = 0;
  const beforeMs = pid === undefined ? 0 : processorMs(pid);
  const { callsPerSecond } = await closedRate(() => {
    calls++;
    return call();
  }, { inflight: INFLIGHT, durationMs: ROUND_MS });
  const serverMs = pid === undefined ? undefined : (processorMs(pid) - beforeMs) / calls;
  return { callsPerSecond, serverMs };
}
