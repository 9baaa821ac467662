import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { dialTcp, formatAddress } from "../../lib/grpc/dial.ts";
import { listen } from "../../lib/grpc/listener.ts";
import { Code } from "../../lib/grpc/status.ts";
import { all, echo, ECHO_HANDLERS, mayUseNet, TestServer } from "./test_server.ts";

const ignore = !mayUseNet;

/** A port on which nobody listens. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("formatAddress() puts an IPv6 address in brackets", () => {
  assert.equal(formatAddress({ hostname: "localhost", port: 5440 }), "localhost:5440");
  assert.equal(formatAddress({ hostname: "::1", port: 5440 }), "[::1]:5440");
});

Deno.test(
  { name: "A refused connection is UNAVAILABLE and names the address", ignore },
  async () => {
    const port = freePort();
    const refused = {
      code: Code.UNAVAILABLE,
      message: new RegExp(`127\\.0\\.0\\.1:${port}: .*refused`, "i"),
    };
    await assert.rejects(dialTcp({ hostname: "127.0.0.1", port }), refused);
    const channel = openChannel({ hostname: "127.0.0.1", port });
    await assert.rejects(channel.unary(echo.unary, {}), refused);
    await assert.rejects(all(channel.serverStreaming(echo.expand, {})), refused);
    channel.close();
  },
);

Deno.test({ name: "listen() names the address that is in use", ignore }, () => {
  const hostname = "127.0.0.1";
  using taken = Deno.listen({ hostname, port: 0, reusePort: true });
  const { port } = taken.addr;
  for (const sharePort of [false, true]) {
    assert.throws(() => listen({ hostname, port, sharePort, probePort: true }), {
      name: "OperationError",
      code: "unavailable",
      message: `Cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
  }
});

Deno.test({
  name: "listen() shares a port among threads",
  ignore: ignore || Deno.build.os !== "linux",
}, () => {
  const where = { hostname: "127.0.0.1", sharePort: true };
  using first = listen({ ...where, port: 0, probePort: true });
  using second = listen({ ...where, port: first.addr.port, probePort: false });
  assert.equal(second.addr.port, first.addr.port);
});

Deno.test(
  { name: "Over TCP all kinds of methods work, and messages of megabytes", ignore },
  async () => {
    await using test = new TestServer(ECHO_HANDLERS);
    const channel = test.tcpChannel(test.listen());
    const body = Uint8Array.from({ length: 4_000_000 }, (_, i) => i * 7);
    assert.deepEqual((await channel.unary(echo.unary, { body })).body, body);
    assert.equal((await channel.clientStreaming(echo.collect, [{ text: "a" }])).text, "a");
    assert.equal(
      (await all(channel.serverStreaming(echo.expand, { count: 10_000 }))).length,
      10_000,
    );
    const requests = Array.from({ length: 10_000 }, (_, count) => ({ count }));
    const responses = await all(channel.bidiStreaming(echo.chat, requests));
    assert.deepEqual(responses.map(({ count }) => count), requests.map(({ count }) => count));
  },
);

Deno.test({
  name: "Over TCP a client that vanishes cancels, and a server that vanishes fails calls",
  ignore,
}, async () => {
  const started = Promise.withResolvers<AbortSignal>();
  await using test = new TestServer({
    unary: (_note, { signal }) => {
      started.resolve(signal);
      return new Promise(() => {});
    },
  });
  const port = test.listen();
  const vanishing = test.tcpChannel(port);
  const call = assert.rejects(vanishing.unary(echo.unary, {}), { code: Code.UNAVAILABLE });
  const signal = await started.promise;
  vanishing.close();
  await call;
  await test.observer.whenEnded(1);
  assert.ok(signal.aborted);
  const left = test.tcpChannel(port);
  const failing = assert.rejects(left.unary(echo.unary, {}), { code: Code.UNAVAILABLE });
  await test.observer.whenStarted(2);
  test.server.close();
  await failing;
});
