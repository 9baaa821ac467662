import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { clientConnection, type ResponseHandler } from "../../lib/http2/client_connection.ts";
import type { Connection } from "../../lib/http2/connection.ts";
import type { HeaderList } from "../../lib/http2/hpack/header_field.ts";
import type { Http2Error } from "../../lib/http2/http2_error.ts";
import { serverConnection, type ServerStream } from "../../lib/http2/server_connection.ts";
import type { StreamHandler } from "../../lib/http2/stream.ts";
import { bytePipe, type PipeOptions } from "./byte_pipe.ts";
import { POST } from "./wired_client.ts";
import { DONE, END, MORE, OK } from "./wired_server.ts";

/** Sends back what comes in, as far as the client takes it. */
class Echo implements StreamHandler {
  readonly #stream: ServerStream;
  #heldBytes = 0;

  constructor(stream: ServerStream) {
    this.#stream = stream;
    stream.sendHeaders(OK, MORE);
  }

  onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.#stream.sendData(bytes.slice(start, end), MORE);
    this.#heldBytes += end - start;
    this.#giveBack();
    if (endStream) this.#stream.sendHeaders(DONE, END);
  }

  onTrailers(): void {
    this.#stream.sendHeaders(DONE, END);
  }

  onWritable(): void {
    this.#giveBack();
  }

  onReset(): void {}

  #giveBack(): void {
    if (!this.#stream.writable) return;
    this.#stream.consume(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

/** Makes a request of some chunks, and gathers the response. */
class Exchange implements ResponseHandler {
  readonly parts: Uint8Array[] = [];
  readonly over = Promise.withResolvers<void>();
  readonly #stream;

  constructor(connection: Connection<ResponseHandler>, chunks: readonly number[]) {
    this.#stream = connection.openStream(this);
    this.#stream.sendHeaders(POST, MORE);
    for (const bytes of chunks) this.#stream.sendData(pattern(bytes, this.#stream.id), MORE);
    this.#stream.sendData(new Uint8Array(0), END);
  }

  get streamId(): number {
    return this.#stream.id;
  }

  onResponse(): void {}

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.parts.push(bytes.slice(start, end));
    this.#stream.consume(end - start);
  }

  onTrailers(fields: HeaderList): void {
    assert.equal(fields[0].name, "grpc-status");
    this.over.resolve();
  }

  onWritable(): void {}

  onReset(error: Http2Error): void {
    this.over.reject(error);
  }
}

function pattern(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, i) => i * seed);
}

/** Makes one request for each list of chunk sizes, all at once, and checks what comes back. */
async function echoAll(requests: readonly number[][], options: PipeOptions): Promise<void> {
  const [near, far] = bytePipe(options, options);
  const client = clientConnection(near, () => {});
  const server = serverConnection(far, {
    onRequest: (stream) => {
      stream.handler = new Echo(stream);
    },
  });
  const results = [client.run(), server.run()];
  const exchanges = requests.map((chunks) => new Exchange(client, chunks));
  await Promise.all(exchanges.map(({ over }) => over.promise));
  for (const [i, { parts, streamId }] of exchanges.entries()) {
    const sent = requests[i].map((bytes) => pattern(bytes, streamId));
    assert.ok(Buffer.concat(sent).equals(Buffer.concat(parts)), `stream ${streamId}`);
  }
  await Promise.all([server.shutdown(), client.shutdown()]);
  assert.deepEqual(await Promise.all(results), [undefined, undefined]);
}

Deno.test("requests of any size come back from an echo over any pipe", async () => {
  const chunks = fc.array(fc.nat({ max: 60_000 }), { maxLength: 8 });
  const pipes = fc.record({
    cutBytes: fc.constantFrom(700, 9_000, 100_000),
    capacityBytes: fc.constantFrom(500, 20_000, 1_000_000),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunks, { minLength: 1, maxLength: 12 }),
      pipes,
      async (requests, { cutBytes, capacityBytes }) => {
        await echoAll(requests, { cut: () => cutBytes, capacityBytes });
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("two ends that both send as much as they may do not wait for each other", async () => {
  await echoAll(Array.from({ length: 12 }, () => [200_000, 200_000]), { capacityBytes: 1_000 });
});
