import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { hasGrpcio } from "../grpc/python_peer.ts";
import { TestServer } from "../grpc/test_server.ts";
import { CLIENT_CASES } from "./client_cases.ts";
import { GO_SERVER, isInstalled } from "./grpc_go.ts";
import { PeerServer } from "./peer_server.ts";
import { addTestService } from "./test_service.ts";

Deno.test("interop: our client on our server", async (t) => {
  for (const [name, run] of Object.entries(CLIENT_CASES)) {
    await t.step(name, async () => {
      await using test = new TestServer({}, { register: addTestService });
      await run(test.channel());
      assert.deepEqual(test.observer.handlerErrors, []);
      if (!name.startsWith("cancel_")) return;
      await test.observer.whenEnded(1);
      assert.deepEqual(test.observer.ended, ["CANCELLED"]);
    });
  }
});

Deno.test({
  name: "interop: our client on grpc-go's server",
  ignore: !await isInstalled(GO_SERVER),
}, async (t) => {
  await using server = await PeerServer.start(GO_SERVER, {
    args: ["-port", "0"],
    env: { GRPC_GO_LOG_SEVERITY_LEVEL: "info" },
    listening: /interop server listening on \S+:(\d+)\n/,
  });
  await runCases(t, server.port);
});

Deno.test({
  name: "interop: our client on grpcio's server",
  ignore: !hasGrpcio(),
}, async (t) => {
  await using server = await PeerServer.start("python3", {
    args: ["-B", new URL("./fixtures/interop_server.py", import.meta.url).pathname],
    listening: /listening on port (\d+)\n/,
  });
  await runCases(t, server.port);
});

/** All cases in turn on one connection. */
async function runCases(t: Deno.TestContext, port: number): Promise<void> {
  const channel = openChannel({ hostname: "127.0.0.1", port });
  try {
    for (const [name, run] of Object.entries(CLIENT_CASES)) await t.step(name, () => run(channel));
  } finally {
    channel.close();
  }
}
