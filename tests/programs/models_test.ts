import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import {
  callGrpc,
  callRest,
  EXAMPLE_CALLS,
  type ExampleAnswer,
  waitUntilReady,
} from "../../tasks/models/example_calls.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { ALL_PROGRAMS } from "./programs.ts";

const MODELS = new URL("../../examples/models", import.meta.url).pathname;

/** To two digits, as onnxruntime's builds and processors differ in the last bits. */
const ANSWERS: Readonly<Record<string, ExampleAnswer["outputs"]>> = {
  price: { price: [350] },
  xor: { y: [0, 1, 1, 0] },
  classifier: { probabilities: [1, 0, 0, 0, 0.81, 0.19], kind: [0, 1] },
  words: { words: [5, 3], mood: [0.2, -1.33] },
  faces: {
    metadata: [
      '[{"key":"bbox","value":"38,298,136,374"},{"key":"bbox","value":"258,239,313,283"},' +
      '{"key":"bbox","value":"76,57,233,183"},{"key":"bbox","value":"192,422,417,598"}]',
    ],
  },
};

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: examples/models over REST and gRPC, each platform`,
    ignore: missing,
  }, async (t) => {
    const flags = ["--host", "127.0.0.1", "--http-port", "0", "--models", MODELS];
    await using running = await startServerProcess(server, flags);
    assert.ok(running.httpPort !== undefined);
    await waitUntilReady(running.httpPort);
    const channel = openChannel({ hostname: "127.0.0.1", port: running.port });
    const client = new InferenceClient(channel);
    assert.deepEqual(EXAMPLE_CALLS.map(({ model }) => model), Object.keys(ANSWERS));
    for (const call of EXAMPLE_CALLS) {
      await t.step(call.model, async () => {
        const rest = await callRest(running.httpPort as number, call);
        const grpc = await callGrpc(client, call);
        assert.deepEqual(rounded(rest), ANSWERS[call.model]);
        assert.deepEqual(grpc.outputs, rest.outputs);
        const cached = call.model === "classifier";
        assert.deepEqual(
          [rest.cache, grpc.cache],
          cached ? ["miss", "hit"] : [undefined, undefined],
        );
      });
    }
    channel.close();
    running.child.kill("SIGTERM");
    assert.equal((await running.child.status).code, 0);
    // A compiled server finds the native library beside it; the slower build stands in for one it lacks.
    // The runtime has things to say of its own, which are no JSON.
    const lines = (await running.log).split("\n").filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    assert.ok(lines.some(({ message }) => message === "uses onnxruntime-node"));
    assert.deepEqual(lines.filter(({ level }) => level === "error"), []);
  });
}

function rounded({ outputs }: ExampleAnswer): ExampleAnswer["outputs"] {
  const round = (value: unknown) =>
    typeof value === "number" ? Math.round(100 * value) / 100 + 0 : value;
  return Object.fromEntries(
    Object.entries(outputs).map(([name, data]) => [name, data.map(round)]),
  );
}
