import assert from "node:assert/strict";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { echo, ECHO_HANDLERS, type Note, TestServer } from "./test_server.ts";

/** A message whose encoding throws. */
function unencodable(): Note {
  return {
    get text(): string {
      throw new TypeError("no text");
    },
  };
}

Deno.test("A unary call comes back with its response, from a handler that waits or not", async () => {
  const text = "Köln 🙂";
  for (const unary of [(note: Note) => note, (note: Note) => Promise.resolve(note)]) {
    await using test = new TestServer({ unary });
    const response = await test.channel().unary(echo.unary, { text, count: -7 });
    assert.deepEqual([response.text, response.count, response.body?.length], [text, -7, 0]);
    await test.observer.whenEnded(1);
    assert.deepEqual(test.observer.ended, ["OK"]);
  }
});

Deno.test("A unary call takes a message that has no fields", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const response = await test.channel().unary(echo.unary, {});
  assert.deepEqual([response.text, response.count], ["", 0]);
});

Deno.test("Long requests stay as they were while their handlers wait and others come", async () => {
  const calls = 6;
  const all = Promise.withResolvers<void>();
  let waiting = 0;
  await using test = new TestServer({
    unary: async (note) => {
      if (++waiting === calls) all.resolve();
      await all.promise;
      return note;
    },
  });
  const channel = test.channel();
  await Promise.all(Array.from({ length: calls }, async (_, i) => {
    const response = await channel.unary(echo.unary, { body: new Uint8Array(70_000 * i).fill(i) });
    assert.equal(response.body?.length, 70_000 * i);
    assert.ok(response.body?.every((byte) => byte === i));
  }));
});

Deno.test("Metadata travels both ways, before and behind the response", async () => {
  const bytes = new Uint8Array([0, 255, 128]);
  await using test = new TestServer({
    unary: (note, call) => {
      assert.deepEqual(call.metadata.getAll("trace"), ["a", "b"]);
      assert.deepEqual(call.metadata.get("trace-bin"), bytes);
      call.headers.append("begin", "1").append("begin-bin", bytes);
      call.trailers.append("end", "2").append("end-bin", bytes);
      return note;
    },
  });
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  await test.channel().unary(echo.unary, {}, {
    metadata: new Metadata().append("trace", "a").append("trace", "b").append("trace-bin", bytes),
    onHeaders: (metadata) => headers = metadata,
    onTrailers: (metadata) => trailers = metadata,
  });
  assert.deepEqual(headers?.entries(), [["begin", "1"], ["begin-bin", bytes]]);
  assert.deepEqual(trailers?.entries(), [["end", "2"], ["end-bin", bytes]]);
});

Deno.test("onTrailerFields hears the fields of the response's end, before the caller has it", async () => {
  await using test = new TestServer({
    unary: (note, call) => {
      call.trailers.append("end", "2");
      return note;
    },
  });
  const heard: string[] = [];
  await test.channel().unary(echo.unary, {}, {
    onTrailerFields: (fields) =>
      heard.push(...fields.map(({ name, value }) => `${name}: ${value}`)),
  }).then(() => heard.push("response"));
  assert.deepEqual(heard, ["grpc-status: 0", "end: 2", "response"]);
});

Deno.test("A GrpcError of the handler reaches the client with code, message and trailers", async () => {
  const trailers = new Metadata().append("detail-bin", new Uint8Array([1, 2]));
  await using test = new TestServer({
    unary: () => {
      throw new GrpcError(Code.NOT_FOUND, "no 100% such → thing\n", { trailers });
    },
  });
  await assert.rejects(test.channel().unary(echo.unary, {}), (error: GrpcError) => {
    assert.equal(error.name, "GrpcError");
    assert.equal(error.code, Code.NOT_FOUND);
    assert.equal(error.message, "no 100% such → thing\n");
    assert.deepEqual(error.trailers?.entries(), trailers.entries());
    return true;
  });
  assert.deepEqual(test.observer.handlerErrors, []);
});

Deno.test("Headers that a handler has set arrive although it failed before a message", async () => {
  await using test = new TestServer({
    unary: (_note, call) => {
      call.headers.append("begin", "1");
      call.trailers.append("end", "2");
      throw new GrpcError(Code.ABORTED, "no");
    },
  });
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  await assert.rejects(
    test.channel().unary(echo.unary, {}, {
      onHeaders: (metadata) => headers = metadata,
      onTrailers: (metadata) => trailers = metadata,
    }),
    { code: Code.ABORTED },
  );
  assert.deepEqual(headers?.entries(), [["begin", "1"]]);
  assert.deepEqual(trailers?.entries(), [["end", "2"]]);
});

Deno.test("What is no GrpcError becomes UNKNOWN without its text, and is reported", async () => {
  const bug = new Error("password is 1234");
  const failures: ((note: Note) => Note | Promise<Note>)[] = [
    () => {
      throw bug;
    },
    () => Promise.reject(bug),
  ];
  for (const unary of failures) {
    await using test = new TestServer({ unary });
    await assert.rejects(test.channel().unary(echo.unary, {}), (error: GrpcError) => {
      assert.equal(error.code, Code.UNKNOWN);
      assert.doesNotMatch(error.message, /1234/);
      return true;
    });
    assert.deepEqual(test.observer.handlerErrors, [{ path: "/test.Echo/Unary", error: bug }]);
  }
});

Deno.test("A response that cannot be encoded is the handler's bug", async () => {
  await using test = new TestServer({ unary: unencodable });
  await assert.rejects(test.channel().unary(echo.unary, {}), { code: Code.UNKNOWN });
  assert.equal(test.observer.handlerErrors.length, 1);
});

Deno.test("A method or service that is not there is UNIMPLEMENTED, and says which", async () => {
  await using test = new TestServer({ unary: (note) => note });
  const channel = test.channel();
  await assert.rejects(channel.clientStreaming(echo.collect, []), {
    code: Code.UNIMPLEMENTED,
    message: "Cannot call /test.Echo/Collect: unknown method",
  });
  await assert.rejects(channel.unary({ ...echo.unary, path: "/other.Service/X" }, {}), {
    code: Code.UNIMPLEMENTED,
    message: "Cannot call /other.Service/X: unknown service",
  });
  assert.deepEqual(test.observer.ended, ["UNIMPLEMENTED", "UNIMPLEMENTED"]);
});

Deno.test("A request or response that is no message of its type is INTERNAL", async () => {
  const garbage = {
    decode: (): Note => {
      throw new RangeError("made up");
    },
    encodedBytesMax: () => 1,
    encode: (_note: Note, bytes: Uint8Array, offset: number) => {
      bytes[offset] = 0xff;
      return offset + 1;
    },
  };
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const request = { ...echo.unary, request: garbage };
  await assert.rejects(channel.unary(request, {}), {
    code: Code.INTERNAL,
    message: /^Cannot read request/,
  });
  const response = { ...echo.unary, response: garbage };
  await assert.rejects(channel.unary(response, {}), {
    code: Code.INTERNAL,
    message: /^Cannot read response/,
  });
  const streamed = { ...echo.expand, response: garbage };
  await assert.rejects(Array.fromAsync(channel.serverStreaming(streamed, { count: 1 })), {
    code: Code.INTERNAL,
    message: /^Cannot read response/,
  });
});

Deno.test("A request that cannot be encoded fails its call alone", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const requests: Note[] = [{ text: "a" }, unencodable(), { text: "b" }, unencodable(), {}];
  const outcomes = await Promise.allSettled(
    requests.map((request) => channel.unary(echo.unary, request)),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"],
  );
  assert.equal(test.transports.length, 1);
});

Deno.test("A listener that throws ends its own call and no other", async () => {
  const started = Promise.withResolvers<void>();
  await using test = new TestServer({
    unary: async (note) => {
      if (note.text === "slow") await started.promise;
      return note;
    },
  });
  const channel = test.channel();
  const other = channel.unary(echo.unary, { text: "slow" });
  const bug = new Error("in the listener");
  const fail = () => {
    throw bug;
  };
  await assert.rejects(channel.unary(echo.unary, {}, { onHeaders: fail }), bug);
  await assert.rejects(channel.unary(echo.unary, {}, { onTrailers: fail }), bug);
  await assert.rejects(channel.unary(echo.unary, {}, { onTrailerFields: fail }), bug);
  started.resolve();
  assert.equal((await other).text, "slow");
  assert.equal(test.transports.length, 1);
});
