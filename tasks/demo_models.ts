/**
 * Starts a server with `examples/models` on free ports, asks each model the same over REST and over gRPC, and
 * prints both answers. Exits 1 when they differ, or when what a cache should have is not from there.
 */

import { formatRows } from "../lib/bench/text_table.ts";
import { openChannel } from "../lib/grpc/channel.ts";
import { InferenceClient } from "../lib/services/inference_client.ts";
import {
  callGrpc,
  callRest,
  EXAMPLE_CALLS,
  type ExampleAnswer,
  jsonData,
  waitUntilReady,
} from "./models/example_calls.ts";
import { SERVER_FROM_SOURCES, startServerProcess } from "./server_process.ts";

const MODELS = new URL("../examples/models", import.meta.url).pathname;

/** Of each number, in the table. */
const DIGITS = 4;

/** Of each text, in the table: an image's has thousands. */
const CHARS = 40;

await using server = await startServerProcess(SERVER_FROM_SOURCES, [
  ...["--host", "127.0.0.1", "--http-port", "0", "--models", MODELS],
]);
const { httpPort } = server;
if (httpPort === undefined) throw new Error("Cannot call models: the server does without REST");
await waitUntilReady(httpPort);
const channel = openChannel({ hostname: "127.0.0.1", port: server.port });
const client = new InferenceClient(channel);
const rows = [["model", "platform", "inputs", "over REST", "then over gRPC", "cache"]];
for (const call of EXAMPLE_CALLS) {
  const { platform } = await client.modelMetadata(call.model);
  const rest = await callRest(httpPort, call);
  const grpc = await callGrpc(client, call);
  const agree = JSON.stringify(rest.outputs) === JSON.stringify(grpc.outputs);
  const cached = rest.cache === undefined || grpc.cache === "hit";
  if (!agree || !cached) Deno.exitCode = 1;
  rows.push([
    call.model,
    platform,
    formatElements(jsonData(call.input)),
    formatAnswer(rest),
    agree ? formatAnswer(grpc) : `DIFFERS: ${formatAnswer(grpc)}`,
    rest.cache === undefined ? "none" : `${rest.cache}, then ${grpc.cache}`,
  ]);
}
channel.close();
Deno.stdout.writeSync(new TextEncoder().encode(formatRows(rows)));

function formatAnswer({ outputs }: ExampleAnswer): string {
  return Object.entries(outputs).map(([name, data]) => `${name} ${formatElements(data)}`).join(" ");
}

function formatElements(data: readonly unknown[]): string {
  const texts = data.map((element) => {
    if (typeof element === "number") return String(Number(element.toFixed(DIGITS)));
    const isLong = typeof element === "string" && element.length > CHARS;
    return JSON.stringify(isLong ? `${element.slice(0, CHARS)}…` : element);
  });
  return `[${texts.join(", ")}]`;
}
