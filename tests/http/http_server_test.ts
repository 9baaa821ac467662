import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { canSharePort } from "../../lib/grpc/listener.ts";
import { certificateText, keyPairOf } from "../support/certificates.ts";
import { mayServe } from "../support/permissions.ts";
import { inferText, RawClient } from "./raw_client.ts";
import { mayUseNet, requestJson, TestHttpServer } from "./test_http.ts";

const ignore = !mayUseNet;
const BODY = JSON.stringify(requestJson("INT32", [1, 2]));

Deno.test(
  { name: "HttpServer: one connection answers one request after the other", ignore },
  async () => {
    await using test = new TestHttpServer();
    using client = await RawClient.connect(test.server.port);
    for (let round = 0; round < 3; round++) {
      await client.write(inferText("echo", BODY));
      const answer = await client.readUntil(/\]\}\]\}/);
      assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
      assert.match(answer, /"data":\[1,2\]/);
    }
    // Two at once are answered in turn.
    await client.write(inferText("echo", BODY) + "GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    assert.match(await client.readUntil(/ok$/), /"data":\[1,2\].*200 OK.*ok$/s);
  },
);

Deno.test(
  { name: "HttpServer: compresses large answers, and leaves small ones alone", ignore },
  async () => {
    await using test = new TestHttpServer();
    for (const [length, encoding] of [[100, null], [50_000, "gzip"]] as const) {
      using client = await RawClient.connect(test.server.port);
      const body = JSON.stringify(requestJson("UINT8", new Array(length).fill(100)));
      const fields = "accept-encoding: gzip, br\r\nconnection: close\r\n";
      await client.write(inferText("echo", body, fields));
      const head = await client.readUntil(/\r\n\r\n/);
      assert.equal(/content-encoding: (\w+)/.exec(head)?.[1] ?? null, encoding, head);
    }
    const body = JSON.stringify(requestJson("UINT8", new Array(50_000).fill(100)));
    const answer = await fetch(`${test.url}/v2/models/echo/infer`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", "accept-encoding": "gzip" },
    });
    assert.equal((await answer.json()).outputs[0].data.length, 50_000);
  },
);

Deno.test(
  { name: "HttpServer: refuses a body that is too large before or while it comes", ignore },
  async () => {
    await using test = new TestHttpServer({ bodyBytesMax: 1_000 });
    using announced = await RawClient.connect(test.server.port);
    await announced.write(
      "POST /v2/models/echo/infer HTTP/1.1\r\nhost: test\r\ncontent-length: 1001\r\n\r\n",
    );
    assert.match(await announced.readUntil(/\}/), /^HTTP\/1.1 413 .*1001 bytes, at most 1000/s);

    using chunked = await RawClient.connect(test.server.port);
    await chunked.write(
      "POST /v2/models/echo/infer HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    const chunk = `1f4\r\n${" ".repeat(500)}\r\n`;
    await chunked.write(chunk + chunk);
    await chunked.write(chunk);
    assert.match(await chunked.readUntil(/\}/), /^HTTP\/1.1 413 .*more than 1000 bytes/s);
    assert.deepEqual(test.backend.requests, []);
  },
);

Deno.test({ name: "HttpServer: errors are never compressed", ignore }, async () => {
  await using test = new TestHttpServer();
  for (const path of ["/v2/models/missing", `/${"nowhere".repeat(30)}`]) {
    using client = await RawClient.connect(test.server.port);
    await client.write(`GET ${path} HTTP/1.1\r\nhost: test\r\naccept-encoding: gzip\r\n\r\n`);
    assert.match(await client.readUntil(/\}/), /^HTTP\/1.1 404 .*\{"error":"Cannot find /s);
  }
});

Deno.test({ name: "HttpServer: a chunked body of the largest size is read", ignore }, async () => {
  await using test = new TestHttpServer({ bodyBytesMax: BODY.length });
  using client = await RawClient.connect(test.server.port);
  await client.write(
    "POST /v2/models/echo/infer HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  for (const character of BODY) await client.write(`1\r\n${character}\r\n`);
  await client.write("0\r\n\r\n");
  assert.match(await client.readUntil(/\]\}\]\}/), /"data":\[1,2\]/);
});

Deno.test({ name: "HttpServer: a body that does not come ends with 408", ignore }, async () => {
  await using test = new TestHttpServer({ receiveMs: 20 });
  using client = await RawClient.connect(test.server.port);
  await client.write(
    "POST /v2/models/echo/infer HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n{",
  );
  const answer = await client.readUntil(/\}/);
  assert.match(answer, /^HTTP\/1.1 408 .*connection: close/s);
  assert.match(answer, /not all of it came within 20 ms/);
  assert.deepEqual(test.observer.errors, []);
});

Deno.test({ name: "HttpServer: a client that leaves gives its call up", ignore }, async () => {
  await using test = new TestHttpServer();
  {
    using client = await RawClient.connect(test.server.port);
    await client.write(inferText("wait", BODY));
    await test.backend.waiting;
  }
  await test.backend.gaveUp;
  assert.equal(test.backend.givenUp.length, 1);
  assert.deepEqual(test.observer.errors, []);
});

Deno.test(
  { name: "HttpServer: a client that leaves within its body is no error", ignore },
  async () => {
    await using test = new TestHttpServer();
    {
      using client = await RawClient.connect(test.server.port);
      await client.write(inferText("echo", BODY).slice(0, -5));
      await client.write("GET");
    }
    using next = await RawClient.connect(test.server.port);
    await next.write("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    await next.readUntil(/ok$/);
    assert.deepEqual(test.observer.errors, []);
  },
);

Deno.test({ name: "HttpServer: drain() lets requests in flight finish", ignore }, async () => {
  const test = new TestHttpServer();
  using client = await RawClient.connect(test.server.port);
  await client.write(inferText("wait", BODY));
  await test.backend.waiting;
  let drained = false;
  const drain = test.server.drain().then(() => drained = true);
  await assert.rejects(async () => {
    // The system may still have taken a connection or two that nobody serves.
    for (let attempt = 0; attempt < 10; attempt++) {
      using late = await RawClient.connect(test.server.port);
      await late.write("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
      if (await late.readToEnd() === "") throw new Error("nobody answers");
    }
  });
  assert.equal(drained, false);
  test.backend.release();
  assert.match(await client.readUntil(/\]\}\]\}/), /"data":\[1,2\]/);
  await drain;
});

Deno.test({ name: "HttpServer: drain() does not wait for half a request", ignore }, async () => {
  const test = new TestHttpServer();
  using client = await RawClient.connect(test.server.port);
  await client.write("GET /healthz HTTP/1.1\r\nhost:");
  using proof = await RawClient.connect(test.server.port);
  await proof.write("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
  await proof.readUntil(/ok$/);
  await test.server.drain();
});

Deno.test({ name: "HttpServer: says which port it cannot have", ignore }, async () => {
  await using test = new TestHttpServer();
  const { port } = test.server;
  for (const sharePort of [false, canSharePort()]) {
    assert.throws(
      () => new TestHttpServer({ port, sharePort, probePort: true }),
      (error) =>
        error instanceof OperationError && error.code === "unavailable" &&
        error.message === `Cannot listen on 127.0.0.1:${port}: the port is in use`,
    );
  }
});

Deno.test(
  { name: "HttpServer: threads share a port", ignore: ignore || !canSharePort() },
  async () => {
    await using first = new TestHttpServer({ sharePort: true });
    const { port } = first.server;
    await using second = new TestHttpServer({ sharePort: true, port });
    // The system spreads connections by their ports; that all of 64 go to one is a chance of 2^-63.
    for (let round = 0; round < 64; round++) {
      using client = await RawClient.connect(port);
      await client.write("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
      await client.readUntil(/ok$/);
    }
    assert.ok(first.observer.started > 0 && second.observer.started > 0);
    assert.equal(first.observer.started + second.observer.started, 64);
  },
);

Deno.test({
  name: "HttpServer: over TLS, with a certificate that can be replaced",
  ignore: !mayServe || !canSharePort(),
}, async () => {
  await using test = new TestHttpServer({ keyPair: keyPairOf("first"), sharePort: true });
  const { port } = test.server;
  assert.match(await answerTo(port, "authority.pem"), /200 OK.*ok$/s);
  await assert.rejects(() => answerTo(port, "other_authority.pem"), /UnknownIssuer/);
  test.server.replaceKeyPair(keyPairOf("second"));
  assert.equal(test.server.port, port);
  // The old listener may still take somebody, or reset who stood in its queue.
  for (let message = ""; !/UnknownIssuer/.test(message);) {
    message = await answerTo(port, "authority.pem").catch((error) => String(error));
  }
  assert.match(await answerTo(port, "other_authority.pem"), /200 OK.*ok$/s);
});

Deno.test(
  { name: "HttpServer: a port of its own keeps its certificate", ignore: !mayServe },
  async () => {
    await using test = new TestHttpServer({ keyPair: keyPairOf("first") });
    assert.throws(() => test.server.replaceKeyPair(keyPairOf("second")), OperationError);
  },
);

/** What `/healthz` answers to a client that trusts an authority alone. */
async function answerTo(port: number, authority: string): Promise<string> {
  using connection = await Deno.connectTls({
    // The certificates are localhost's.
    hostname: "localhost",
    port,
    caCerts: [certificateText(authority)],
  });
  const request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text();
}
