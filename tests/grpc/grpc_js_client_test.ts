import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type * as GrpcJs from "@grpc/grpc-js";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { deserialize, grpc, grpcJsMetadata, mayUseGrpcJs, serialize } from "./grpc_js_peer.ts";
import {
  aborted,
  echo,
  ECHO_HANDLERS,
  type EchoHandlers,
  type Note,
  TestServer,
} from "./test_server.ts";

const ignore = !mayUseGrpcJs;

/** GRPC_WRITE_NO_COMPRESS, which grpc-js takes and does not export. */
const NO_COMPRESS = 2;

/** Our server over TCP with grpc-js's client on it. */
class GrpcJsClient implements AsyncDisposable {
  readonly test: TestServer;
  readonly client: GrpcJs.Client;

  constructor(handlers: EchoHandlers, options: GrpcJs.ChannelOptions = {}) {
    this.test = new TestServer(handlers);
    const address = `127.0.0.1:${this.test.listen()}`;
    this.client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      ...options,
    });
  }

  /** Makes a unary call; resolves with its response and what came beside it. */
  unary(note: Note, metadata = new grpc.Metadata(), options: GrpcJs.CallOptions = {}) {
    type Outcome = { note: Note; headers?: GrpcJs.Metadata; status?: GrpcJs.StatusObject };
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const outcome: Outcome = { note: {} };
    const done = (error: GrpcJs.ServiceError | null, response?: Note) => {
      if (error !== null) return reject(error);
      outcome.note = response ?? {};
      if (outcome.status !== undefined) resolve(outcome);
    };
    const call = this.client.makeUnaryRequest(
      echo.unary.path,
      serialize,
      deserialize,
      note,
      metadata,
      options,
      done,
    );
    call.on("metadata", (headers: GrpcJs.Metadata) => outcome.headers = headers);
    call.on("status", (status: GrpcJs.StatusObject) => {
      outcome.status = status;
      if (status.code === grpc.status.OK) resolve(outcome);
    });
    return { call, promise };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.test[Symbol.asyncDispose]();
  }
}

function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name: `grpc-js client: ${name}`, ignore, fn: run });
}

test("unary calls on many fresh connections", async () => {
  for (let count = 0; count < 20; count++) {
    await using peer = new GrpcJsClient(ECHO_HANDLERS);
    assert.equal((await peer.unary({ count }).promise).note.count, count);
  }
});

test("client, server and bidirectional streaming", async () => {
  await using peer = new GrpcJsClient(ECHO_HANDLERS);
  const collected = Promise.withResolvers<Note>();
  const collect = peer.client.makeClientStreamRequest<Note, Note>(
    echo.collect.path,
    serialize,
    deserialize,
    (error, note) => error === null ? collected.resolve(note ?? {}) : collected.reject(error),
  );
  for (const text of ["a", "b", "c"]) collect.write({ text });
  collect.end();
  assert.deepEqual([(await collected.promise).text, (await collected.promise).count], ["abc", 3]);

  const expand = peer.client.makeServerStreamRequest<Note, Note>(
    echo.expand.path,
    serialize,
    deserialize,
    { text: "x", count: 1_000 },
  );
  let count = 0;
  for await (const note of expand) assert.equal((note as Note).count, count++);
  assert.equal(count, 1_000);

  const chat = peer.client.makeBidiStreamRequest<Note, Note>(
    echo.chat.path,
    serialize,
    deserialize,
  );
  const seen: (number | undefined)[] = [];
  chat.write({ count: 0 });
  for await (const note of chat) {
    seen.push((note as Note).count);
    if (seen.length < 5) chat.write({ count: seen.length });
    else chat.end();
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});

test("metadata both ways, -bin and repeated", async () => {
  const bytes = new Uint8Array([0, 1, 255]);
  await using peer = new GrpcJsClient({
    unary: (note, call) => {
      assert.deepEqual(call.metadata.getAll("k"), ["a", "b"]);
      assert.deepEqual(call.metadata.getAll("k-bin"), [bytes, new Uint8Array([7])]);
      call.headers.append("begin-bin", bytes).append("begin", "1").append("begin", "2");
      call.trailers.append("end-bin", bytes);
      return note;
    },
  });
  const metadata = grpcJsMetadata(
    ["k", "a"],
    ["k", "b"],
    ["k-bin", Buffer.from(bytes)],
    ["k-bin", Buffer.from([7])],
  );
  const { headers, status } = await peer.unary({}, metadata).promise;
  assert.deepEqual(new Uint8Array(headers?.get("begin-bin")[0] as Buffer), bytes);
  // node:http2 joins the values of a name.
  assert.equal(headers?.get("begin").join(", "), "1, 2");
  assert.deepEqual(new Uint8Array(status?.metadata.get("end-bin")[0] as Buffer), bytes);
});

test("status, message and details of an error", async () => {
  const trailers = new Metadata().append("detail-bin", new Uint8Array([5]));
  await using peer = new GrpcJsClient({
    unary: () => {
      throw new GrpcError(Code.FAILED_PRECONDITION, "50% → no\n", { trailers });
    },
  });
  await assert.rejects(peer.unary({}).promise, (error: GrpcJs.ServiceError) => {
    assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
    assert.equal(error.details, "50% → no\n");
    assert.deepEqual([...error.metadata.get("detail-bin")[0] as Buffer], [5]);
    return true;
  });
});

test("details of an error", async () => {
  const details = new Uint8Array([8, 5]);
  await using peer = new GrpcJsClient({
    unary: () => {
      throw new GrpcError(Code.NOT_FOUND, "no", { details });
    },
  });
  await assert.rejects(peer.unary({}).promise, (error: GrpcJs.ServiceError) => {
    assert.deepEqual([...error.metadata.get("grpc-status-details-bin")[0] as Buffer], [8, 5]);
    return true;
  });
});

test("gzip both ways, each message by choice", async () => {
  const compressed: boolean[] = [];
  const text = "what repeats, repeats; ".repeat(500);
  const gzip = { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip };
  await using peer = new GrpcJsClient({
    unary: (note, call) => {
      compressed.push(call.requestCompressed);
      call.compress = true;
      return note;
    },
    chat: async function* (notes, call) {
      call.compress = true;
      for await (const note of notes) {
        compressed.push(call.requestCompressed);
        call.compress = compressed.length % 2 === 0;
        yield note;
      }
    },
  }, gzip);
  for (const note of [{ text }, {}]) {
    assert.equal((await peer.unary(note).promise).note.text, note.text ?? "");
  }
  const chat = peer.client.makeBidiStreamRequest<Note, Note>(
    echo.chat.path,
    serialize,
    deserialize,
  );
  const requests = Array.from({ length: 20 }, (_, count) => ({ text, count }));
  requests.forEach((note, i) => {
    if (i % 3 === 0) chat.write(note);
    else chat.write(note, NO_COMPRESS);
  });
  chat.end();
  const counts: unknown[] = [];
  for await (const note of chat) counts.push((note as Note).count);
  assert.deepEqual(counts, requests.map(({ count }) => count));
  assert.deepEqual(compressed, [true, true, ...requests.map((_, i) => i % 3 === 0)]);
});

test("an encoding that we do not read", async () => {
  const deflate = { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.deflate };
  await using peer = new GrpcJsClient(ECHO_HANDLERS, deflate);
  await assert.rejects(peer.unary({ text: "a" }).promise, { code: grpc.status.UNIMPLEMENTED });
});

test("a method that is not there", async () => {
  await using peer = new GrpcJsClient({});
  await assert.rejects(peer.unary({}).promise, { code: grpc.status.UNIMPLEMENTED });
});

test("a deadline, which the handler's signal tells", async () => {
  const reason = Promise.withResolvers<unknown>();
  await using peer = new GrpcJsClient({
    unary: async (_note, { signal }) => {
      reason.resolve(await aborted(signal));
      return {};
    },
  });
  const { promise } = peer.unary({}, undefined, { deadline: Date.now() + 50 });
  await assert.rejects(promise, { code: grpc.status.DEADLINE_EXCEEDED });
  assert.ok(await reason.promise instanceof GrpcError);
});

test("cancellation, which the handler's signal tells", async () => {
  const reason = Promise.withResolvers<unknown>();
  await using peer = new GrpcJsClient({
    unary: async (_note, { signal }) => {
      reason.resolve(await aborted(signal));
      return {};
    },
  });
  const { call, promise } = peer.unary({});
  const rejects = assert.rejects(promise, { code: grpc.status.CANCELLED });
  await peer.test.observer.whenStarted(1);
  call.cancel();
  await rejects;
  assert.equal((await reason.promise as GrpcError).code, Code.CANCELLED);
});

test("large messages, and a refusal over the limit", async () => {
  await using peer = new GrpcJsClient(ECHO_HANDLERS);
  const body = Uint8Array.from({ length: 4_000_000 }, (_, i) => i * 7);
  const { note } = await peer.unary({ body }).promise;
  assert.equal(Buffer.compare(note.body ?? new Uint8Array(), body), 0);
  await assert.rejects(peer.unary({ body: new Uint8Array(4_194_304) }).promise, {
    code: grpc.status.RESOURCE_EXHAUSTED,
  });
});

test("1 000 calls at once", async () => {
  await using peer = new GrpcJsClient({
    unary: async (note) => {
      await Promise.resolve();
      return note;
    },
  });
  const calls = Array.from({ length: 1_000 }, (_, count) => peer.unary({ count }).promise);
  (await Promise.all(calls)).forEach(({ note }, i) => assert.equal(note.count, i));
});
