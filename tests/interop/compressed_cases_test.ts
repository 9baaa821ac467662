import assert from "node:assert/strict";
import { Channel } from "../../lib/grpc/channel.ts";
import { dialTcp } from "../../lib/grpc/dial.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import { mayUseGrpcJs } from "../grpc/grpc_js_peer.ts";
import { hasGrpcio } from "../grpc/python_peer.ts";
import { TestServer } from "../grpc/test_server.ts";
import { COMPRESSED_CASES } from "./compressed_cases.ts";
import { CompressingClient, GRPC_JS_CASES } from "./grpc_js_client.ts";
import { MessageFlags } from "./message_flags.ts";
import { PeerServer } from "./peer_server.ts";
import { addTestService } from "./test_service.ts";

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname;

/** Our server, with every message's flag noted. */
function tappedServer(): { test: TestServer; flags: MessageFlags } {
  const flags = new MessageFlags();
  const tap = flags.tap.bind(flags, "server");
  return { test: new TestServer({}, { register: addTestService, tap }), flags };
}

/** What our server got and sent when a client made the case, its probe first. */
function assertFlags(name: string, { received, sent }: MessageFlags): void {
  const { probe, requestFlags, responseFlags } = COMPRESSED_CASES[name];
  assert.deepEqual(received, probe === undefined ? requestFlags : [0, ...requestFlags]);
  assert.deepEqual(sent, responseFlags);
}

Deno.test("interop with compression: our client on our server", async (t) => {
  for (const [name, { probe, run }] of Object.entries(COMPRESSED_CASES)) {
    await t.step(name, async () => {
      const { test, flags } = tappedServer();
      await using _ = test;
      const channel = test.channel();
      await probe?.(channel);
      await run(channel);
      assertFlags(name, flags);
    });
  }
});

Deno.test({
  name: "interop with compression: our client on grpcio's server",
  ignore: !hasGrpcio(),
}, async (t) => {
  await using server = await PeerServer.start("python3", {
    args: ["-B", fixture("interop_server.py")],
    listening: /listening on port (\d+)\n/,
  });
  for (const [name, { run, requestFlags, responseFlags }] of Object.entries(COMPRESSED_CASES)) {
    await t.step(name, async () => {
      const flags = new MessageFlags();
      const channel = new Channel({
        dial: async () =>
          flags.tap("client", await dialTcp({ hostname: "127.0.0.1", port: server.port })),
        authority: "127.0.0.1",
        messageBytesMax: MESSAGE_BYTES_MAX_DEFAULT,
      });
      await run(channel);
      channel.close();
      assert.deepEqual(flags.sent, requestFlags);
      assert.deepEqual(flags.received, responseFlags);
    });
  }
});

Deno.test({
  name: "interop with compression: grpcio's client on our server",
  ignore: !hasGrpcio(),
}, async (t) => {
  for (const name of Object.keys(COMPRESSED_CASES)) {
    await t.step(name, async () => {
      const { test, flags } = tappedServer();
      await using _ = test;
      const args = ["-B", fixture("interop_client.py"), `${test.listen()}`, name];
      const { success, stderr } = await new Deno.Command("python3", { args }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      assertFlags(name, flags);
    });
  }
});

Deno.test({
  name: "interop with compression: grpc-js's client on our server",
  ignore: !mayUseGrpcJs,
}, async (t) => {
  for (const [name, run] of Object.entries(GRPC_JS_CASES)) {
    await t.step(name, async () => {
      const { test, flags } = tappedServer();
      await using _ = test;
      using client = new CompressingClient(test.listen());
      await run(client);
      assertFlags(name, flags);
    });
  }
});
