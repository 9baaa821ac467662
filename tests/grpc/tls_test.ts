import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Code } from "../../lib/grpc/status.ts";
import { CLIENT_PREFACE, FrameType } from "../../lib/http2/frame.ts";
import { ServedPort } from "../../lib/grpc/served_port.ts";
import { certificateText, keyPairOf } from "../support/certificates.ts";
import { mayServe } from "../support/permissions.ts";
import { all, echo, ECHO_HANDLERS } from "./test_server.ts";
import { TlsTestServer } from "./tls_server.ts";

const ignore = !mayServe;

/** What nobody's handshake begins with, and what nobody answers. */
const GARBAGE = new TextEncoder().encode("GET / HTTP/1.1\r\nhost: here\r\n\r\n");

function isUnavailable(message: RegExp) {
  return { code: Code.UNAVAILABLE, message };
}

Deno.test(
  { name: "Over TLS all kinds of methods work, and messages of megabytes", ignore },
  async (t) => {
    await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
    for (const hostname of ["127.0.0.1", "localhost"]) {
      await t.step(hostname, async () => {
        const channel = server.channel("authority.pem", hostname);
        const body = Uint8Array.from({ length: 4_000_000 }, (_, i) => i * 7);
        assert.deepEqual((await channel.unary(echo.unary, { body })).body, body);
        assert.equal((await channel.clientStreaming(echo.collect, [{ text: "a" }])).text, "a");
        const many = await all(channel.serverStreaming(echo.expand, { count: 10_000 }));
        assert.equal(many.length, 10_000);
        const requests = Array.from({ length: 10_000 }, (_, count) => ({ count }));
        const responses = await all(channel.bidiStreaming(echo.chat, requests));
        assert.deepEqual(responses.map(({ count }) => count), requests.map(({ count }) => count));
      });
    }
  },
);

Deno.test(
  { name: "A certificate that does not fit is UNAVAILABLE and says why", ignore },
  async (t) => {
    const cases: [what: string, certificate: string, trusted: string, RegExp][] = [
      ["unknown authority", "first", "other_authority.pem", /is of no trusted authority/],
      ["wrong name", "elsewhere", "authority.pem", /is for another name .*elsewhere\.example/],
      ["expired", "expired", "authority.pem", /has expired/],
    ];
    for (const [what, certificate, trusted, message] of cases) {
      await t.step(what, async () => {
        await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf(certificate));
        const channel = server.channel(trusted);
        await assert.rejects(channel.unary(echo.unary, {}), isUnavailable(message));
        await assert.rejects(
          channel.connect(),
          isUnavailable(new RegExp(`^Cannot connect to 127\\.0\\.0\\.1:${server.port.number}: `)),
        );
        assert.equal(server.test.observer.started, 0);
      });
    }
  },
);

Deno.test(
  { name: "TLS against plain text is an error that says so, either way round", ignore },
  async () => {
    await using plain = new TlsTestServer(ECHO_HANDLERS, undefined);
    await assert.rejects(plain.channel().connect(), isUnavailable(/it speaks no TLS/));
    await using secured = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
    const channel = openChannel({ hostname: "127.0.0.1", port: secured.port.number });
    await assert.rejects(
      channel.connect(),
      isUnavailable(/it speaks no HTTP\/2 \(the peer speaks TLS\)/),
    );
    channel.close();
  },
);

Deno.test(
  { name: "A TLS server that does not agree on HTTP/2 is an error that says so", ignore },
  async (t) => {
    for (const alpnProtocols of [[], ["http/1.1"]]) {
      await t.step(`ALPN [${alpnProtocols}]`, async () => {
        const where = { hostname: "127.0.0.1", port: 0, alpnProtocols };
        using listener = Deno.listenTls({ ...where, ...keyPairOf("first") });
        const accepted = listener.accept();
        const tls = { caCerts: [certificateText("authority.pem")] };
        const channel = openChannel({ hostname: "127.0.0.1", port: listener.addr.port, tls });
        await assert.rejects(channel.connect(), isUnavailable(/no HTTP\/2 over it \(ALPN h2\)/));
        channel.close();
        const peer = await accepted;
        await peer.handshake().catch(() => {});
        peer.close();
      });
    }
  },
);

Deno.test(
  { name: "A client that does not agree on HTTP/2 is closed cleanly", ignore },
  async (t) => {
    await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
    await t.step("without ALPN: the end of the stream", async () => {
      using client = await server.connect();
      assert.equal((await client.handshake()).alpnProtocol, null);
      assert.equal(await client.read(new Uint8Array(9)), null);
    });
    await t.step("http/1.1: the alert for it", async () => {
      using client = await server.connect(["http/1.1"]);
      await assert.rejects(client.handshake(), /NoApplicationProtocol/);
    });
  },
);

Deno.test({ name: "Failing and waiting handshakes keep nobody else waiting", ignore }, async () => {
  await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
  const address = { hostname: "127.0.0.1", port: server.port.number };
  const peers = await Promise.all(Array.from({ length: 60 }, () => Deno.connect(address)));
  // A third sends garbage, a third half of nothing, a third is gone.
  for (const [i, peer] of peers.entries()) {
    if (i % 3 === 0) await peer.write(GARBAGE);
    if (i % 3 === 2) peer.close();
  }
  assert.equal((await server.channel().unary(echo.unary, { text: "a" })).text, "a");
  for (const [i, peer] of peers.entries()) if (i % 3 !== 2) peer.close();
});

Deno.test({
  name: "A peer that is silent in its handshake is given up with the preface's time",
  ignore,
}, async () => {
  await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"), {
    times: { prefaceMs: 1 },
  });
  const peer = await Deno.connect({ hostname: "127.0.0.1", port: server.port.number });
  await server.whenEnded();
  assert.match(String(server.ends[0]), /the peer sent no HTTP\/2 preface in time/);
  assert.equal(server.test.server.connectionCount, 0);
  peer.close();
});

Deno.test(
  { name: "A client that is gone without a close_notify has ended orderly", ignore },
  async () => {
    await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
    // Deno's own client always gives notice; one whose cable is cut does not.
    using relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const where = { hostname: "127.0.0.1", port: relay.addr.port };
    const caCerts = [certificateText("authority.pem")];
    using client = await Deno.connectTls({ ...where, caCerts, alpnProtocols: ["h2"] });
    const inside = await relay.accept();
    const outside = await Deno.connect({ hostname: "127.0.0.1", port: server.port.number });
    const copies = [
      inside.readable.pipeTo(outside.writable),
      outside.readable.pipeTo(inside.writable),
    ];
    const copied = Promise.allSettled(copies);
    // An answer shows that the server's side of the handshake has ended too.
    await client.write(CLIENT_PREFACE);
    await client.write(new Uint8Array([0, 0, 0, FrameType.SETTINGS, 0, 0, 0, 0, 0]));
    assert.notEqual(await client.read(new Uint8Array(1)), null);
    await outside.closeWrite();
    await server.whenEnded();
    assert.deepEqual(server.ends, [undefined]);
    client.close();
    await copied;
  },
);

for (const sharePort of [true, false]) {
  Deno.test({
    name: `ServedPort.replace() gives new connections the new certificate, sharePort ${sharePort}`,
    ignore: ignore || (sharePort && Deno.build.os !== "linux"),
  }, async () => {
    const gate = Promise.withResolvers<void>();
    const handlers = {
      ...ECHO_HANDLERS,
      unary: async (note: { text?: string }) => {
        if (note.text === "long") await gate.promise;
        return note;
      },
    };
    await using server = new TlsTestServer(handlers, keyPairOf("first"), { sharePort });
    const { number } = server.port;
    const open = server.channel("authority.pem");
    const long = open.unary(echo.unary, { text: "long" });
    await server.test.observer.whenStarted(1);

    await server.port.replace(keyPairOf("second"));

    assert.equal(server.port.number, number);
    const after = server.channel("other_authority.pem");
    assert.equal((await after.unary(echo.unary, { text: "new" })).text, "new");
    await assert.rejects(
      server.channel("authority.pem").connect(),
      isUnavailable(/no trusted authority/),
    );
    assert.equal((await open.unary(echo.unary, { text: "old" })).text, "old");
    gate.resolve();
    assert.equal((await long).text, "long");
  });
}

Deno.test(
  { name: "ServedPort.replace() does not open a port that was closed", ignore },
  async () => {
    await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
    const replacing = server.port.replace(keyPairOf("second"));
    server.port.close();
    await replacing;
    await server.port.replace(keyPairOf("second"));
    await assert.rejects(server.channel().connect(), isUnavailable(/refused/));
  },
);

Deno.test({ name: "Calls over TLS have the scheme https", ignore }, async () => {
  await using server = new TlsTestServer(ECHO_HANDLERS, keyPairOf("first"));
  const schemes: (string | undefined)[] = [];
  server.test.server.authenticator = {
    refusalOf: ({ scheme }) => {
      schemes.push(scheme);
      return undefined;
    },
  };
  await server.channel().unary(echo.unary, {});
  assert.deepEqual(schemes, ["https"]);
});

Deno.test("A key pair is replaced while the port waits for room", { ignore }, async () => {
  const waiting = Promise.withResolvers<void>();
  const options = { hostname: "127.0.0.1", port: 0, sharePort: true, probePort: false };
  const port = new ServedPort(options, keyPairOf("first"), {
    onConnection: (connection) => {
      connection.close();
      waiting.resolve();
      return new Promise<void>(() => {});
    },
    onAcceptFailed: (error) => {
      throw error;
    },
  });
  using peer = await Deno.connect({ hostname: "127.0.0.1", port: port.number });
  await waiting.promise;
  await port.replace(keyPairOf("second"));
  port.close();
  assert.notEqual(peer.localAddr, undefined);
});
