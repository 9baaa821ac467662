/**
 * Measures the Pipeline's predictions over REST next to the same model over gRPC (V2), and a GET of `/status` as what
 * HTTP alone costs: in turn, on one server, by the same closed loop of this process.
 *
 * The load runs on the machine of the server and takes processors from it, so figures are ratios of what was measured
 * in turn. A client's share is its own: fetch over HTTP/1.1 costs it more than our gRPC client.
 */

import { openChannel } from "../lib/grpc/channel.ts";
import { InferenceClient } from "../lib/services/inference_client.ts";
import { networkFile, networkTensors } from "../tests/pipeline/network_file.ts";
import { closedRate } from "./bench_models/closed_rate.ts";
import { median, ratioCell } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import { processorMs } from "./scale/process_usage.ts";
import { write, writeRow, writeTable } from "./scale/table.ts";
import { SERVER_FROM_SOURCES, startServerProcess } from "./server_process.ts";

const ROUNDS = 5;
const ROUND_MS = 2_000;
const WORKERS = [1, 2] as const;
const INFLIGHT = [1, 16] as const;
const MICROSECONDS_PER_MS = 1_000;

/** What one side of a round took, for each request. */
interface Side {
  readonly perSecond: number;
  /** Processor time of the server. */
  readonly serverUs: number;
}

write(`${describeMachine()}; deno task bench:pipeline\n`);
writeTable([
  "workers, in flight",
  "REST/s",
  "gRPC/s",
  "REST / gRPC (min–max)",
  "server µs REST",
  "server µs gRPC",
  "server µs REST / gRPC",
  "server µs GET /status",
], []);
for (const workers of WORKERS) {
  await using server = await startServerProcess(SERVER_FROM_SOURCES, [
    ...["--http-port", "0", "--host", "127.0.0.1", "--pipeline-workers", `${workers}`],
  ]);
  const url = `http://127.0.0.1:${server.httpPort}`;
  await upload(url);
  for (const inflight of INFLIGHT) {
    await compare({ pid: server.child.pid, url, port: server.port, workers, inflight });
  }
}

async function upload(url: string): Promise<void> {
  const body = new FormData();
  body.append("nn_id", "0".repeat(32));
  const weights = networkFile(networkTensors(() => 0.1));
  const type = "application/octet-stream";
  body.append("data", new File([weights.toBase64()], "weights.b64", { type }));
  const response = await fetch(`${url}/set_weights`, { method: "PUT", body });
  const { status, message } = await response.json();
  if (!status) throw new Error(`Cannot upload a network: ${message}`);
}

async function compare({ pid, url, port, workers, inflight }: {
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  readonly workers: number;
  readonly inflight: number;
}): Promise<void> {
  const channels = Array.from(
    { length: inflight },
    () => openChannel({ hostname: "127.0.0.1", port }),
  );
  const clients = channels.map((channel) => new InferenceClient(channel));
  let next = 0;
  const x = {
    name: "x",
    datatype: "FP32",
    shape: [1, 2],
    data: Float32Array.of(0.3, 0.7),
  } as const;
  const overGrpc = () => clients[next++ % inflight].infer({ model: "pipeline", inputs: [x] });
  const init = { method: "POST", body: JSON.stringify({ vector: [0.3, 0.7] }) };
  const overRest = async () => {
    const { status } = await (await fetch(`${url}/predict`, init)).json();
    if (!status) throw new Error("Cannot measure: a prediction failed");
  };
  const status = async () => void await (await fetch(`${url}/status`)).text();
  const rounds: { rest: Side; grpc: Side; status: Side }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const side = (call: () => Promise<unknown>) => measure(pid, call, inflight);
    rounds.push({
      rest: await side(overRest),
      grpc: await side(overGrpc),
      status: await side(status),
    });
  }
  for (const channel of channels) channel.close();
  const middle = (of: (round: typeof rounds[number]) => number) => median(rounds.map(of));
  writeRow([
    `${workers}, ${inflight}`,
    Math.round(middle(({ rest }) => rest.perSecond)).toString(),
    Math.round(middle(({ grpc }) => grpc.perSecond)).toString(),
    ratioCell(rounds.map(({ rest, grpc }) => rest.perSecond / grpc.perSecond), 2),
    middle(({ rest }) => rest.serverUs).toFixed(0),
    middle(({ grpc }) => grpc.serverUs).toFixed(0),
    ratioCell(rounds.map(({ rest, grpc }) => rest.serverUs / grpc.serverUs), 2),
    middle(({ status }) => status.serverUs).toFixed(0),
  ]);
}

async function measure(pid: number, call: () => Promise<unknown>, inflight: number): Promise<Side> {
  let calls = 0;
  const counted = () => {
    calls++;
    return call();
  };
  const beforeMs = processorMs(pid);
  const { callsPerSecond } = await closedRate(counted, { inflight, durationMs: ROUND_MS });
  const serverUs = (processorMs(pid) - beforeMs) * MICROSECONDS_PER_MS / calls;
  return { perSecond: callsPerSecond, serverUs };
}
