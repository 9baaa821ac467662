import assert from "node:assert/strict";
import { dialTcp } from "../../lib/grpc/dial.ts";
import { clientConnection, type ResponseHandler } from "../../lib/http2/client_connection.ts";
import { HeaderField } from "../../lib/http2/hpack/header_field.ts";
import type { Http2Error } from "../../lib/http2/http2_error.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { ALL_PROGRAMS } from "./programs.ts";

/** A Predict call whose message is sent in two parts, with all the time in between. */
class SlowCall implements ResponseHandler {
  readonly ended = Promise.withResolvers<string>();
  onResponse(): void {}
  onData(): void {}
  onWritable(): void {}
  onTrailers(fields: readonly HeaderField[]): void {
    const status = fields.find(({ name }) => name === "grpc-status");
    this.ended.resolve(`status ${status?.value}`);
  }
  onReset(error: Http2Error): void {
    this.ended.resolve(error.message);
  }
}

const HEADERS = [
  new HeaderField(":method", "POST"),
  new HeaderField(":scheme", "http"),
  new HeaderField(":path", "/ModelServer/Predict"),
  new HeaderField(":authority", "test"),
  new HeaderField("te", "trailers"),
  new HeaderField("content-type", "application/grpc"),
];

async function startSlowCall(port: number) {
  const connection = clientConnection(
    await dialTcp({ hostname: "127.0.0.1", port }),
    () => {},
  );
  const over = connection.run();
  const call = new SlowCall();
  const stream = connection.openStream(call);
  stream.sendHeaders(HEADERS, false);
  stream.sendData(new Uint8Array([0, 0, 0]), false);
  // An answer to a second call on the connection shows that the first one is at the server.
  const probe = new SlowCall();
  const probeStream = connection.openStream(probe);
  probeStream.sendHeaders(HEADERS, false);
  probeStream.sendData(new Uint8Array(5), true);
  assert.equal(await probe.ended.promise, "status 0");
  return { connection, call, stream, over };
}

/** The threads close their listeners one after the other. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    try {
      (await dialTcp({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      // One that was queued when its listener closed is reset rather than refused.
      if (/refused/.test(String(error))) return;
    }
  }
}

for (const { name, server, missing } of ALL_PROGRAMS) {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.test({
      name: `${name}: ${signal} lets calls in flight finish, takes no new ones, exits 0`,
      ignore: missing,
    }, async () => {
      await using running = await startServerProcess(server, ["--drain-seconds", "60"]);
      const { connection, call, stream, over } = await startSlowCall(running.port);
      running.child.kill(signal);
      // The server's GOAWAY is what tells that it drains.
      while (!connection.closing) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.throws(() => connection.openStream(new SlowCall()), /no more streams/);
      await untilRefused(running.port);
      stream.sendData(new Uint8Array([0, 0]), true);
      assert.equal(await call.ended.promise, "status 0");
      assert.equal((await running.child.status).code, 0);
      await over;
    });
  }

  Deno.test({
    name: `${name}: a call that does not end is cut off after --drain-seconds`,
    ignore: missing,
  }, async () => {
    await using running = await startServerProcess(server, ["--drain-seconds", "0.2"]);
    const { call, over } = await startSlowCall(running.port);
    running.child.kill("SIGTERM");
    assert.equal((await running.child.status).code, 0);
    assert.notEqual(await call.ended.promise, "status 0");
    await over;
  });

  Deno.test({ name: `${name}: a second signal ends it at once`, ignore: missing }, async () => {
    await using running = await startServerProcess(server, ["--drain-seconds", "60"]);
    const { connection, over } = await startSlowCall(running.port);
    running.child.kill("SIGTERM");
    while (!connection.closing) await new Promise((resolve) => setTimeout(resolve, 1));
    running.child.kill("SIGTERM");
    assert.equal((await running.child.status).code, 130);
    await over;
  });
}
