import assert from "node:assert/strict";
import { MessageQueue } from "../../lib/grpc/message_queue.ts";

function setUp() {
  const taken: string[] = [];
  let stops = 0;
  const queue = new MessageQueue<string>({
    onTaken: (message) => taken.push(message),
    onStopped: () => stops++,
  });
  return { queue, taken, stops: () => stops, reader: queue[Symbol.asyncIterator]() };
}

Deno.test("MessageQueue hands messages over in order and tells when each is taken", async () => {
  const { queue, taken, reader } = setUp();
  queue.push("a");
  queue.push("b");
  assert.deepEqual(taken, []);
  assert.deepEqual(await reader.next(), { done: false, value: "a" });
  assert.deepEqual(taken, ["a"]);
  assert.ok(!queue.empty);
  assert.deepEqual(await reader.next(), { done: false, value: "b" });
  assert.ok(queue.empty);
});

Deno.test("MessageQueue.push() wakes a reader that waits, and nothing is queued", async () => {
  const { queue, taken, reader } = setUp();
  const next = reader.next();
  queue.push("a");
  assert.ok(queue.empty);
  assert.deepEqual(taken, ["a"]);
  assert.deepEqual(await next, { done: false, value: "a" });
});

Deno.test("MessageQueue.end() lets the reader have what is there first", async () => {
  const { queue, reader } = setUp();
  queue.push("a");
  queue.end();
  queue.push("late");
  assert.equal((await reader.next()).value, "a");
  assert.ok((await reader.next()).done);
  assert.ok((await reader.next()).done);
});

Deno.test("MessageQueue.end() ends a reader that waits", async () => {
  const { queue, reader } = setUp();
  const next = reader.next();
  queue.end();
  assert.ok((await next).done);
});

Deno.test("MessageQueue.endWith() puts its error behind the messages", async () => {
  const { queue, reader } = setUp();
  queue.push("a");
  queue.endWith(new Error("over"));
  queue.endWith(new Error("too late"));
  assert.equal((await reader.next()).value, "a");
  await assert.rejects(reader.next(), /over/);
  await assert.rejects(reader.next(), /over/);
});

Deno.test("MessageQueue.fail() drops the messages and fails the reader at once", async () => {
  const { queue, taken, reader } = setUp();
  queue.push("a");
  queue.fail(new Error("gone"));
  assert.ok(queue.empty);
  await assert.rejects(reader.next(), /gone/);
  assert.deepEqual(taken, []);
});

Deno.test("MessageQueue.fail() fails a reader that waits", async () => {
  const { queue, reader } = setUp();
  const rejects = assert.rejects(reader.next(), /gone/);
  queue.fail(new Error("gone"));
  await rejects;
});

Deno.test("MessageQueue.fail() is too late for a reader that has had everything", async () => {
  const { queue, reader } = setUp();
  queue.push("a");
  queue.end();
  await reader.next();
  queue.fail(new Error("gone"));
  assert.ok((await reader.next()).done);
});

Deno.test("MessageQueue drops what nobody will read when its reader stops", async () => {
  const { queue, stops } = setUp();
  queue.push("a");
  queue.push("b");
  queue.push("c");
  for await (const message of queue) {
    assert.equal(message, "a");
    break;
  }
  assert.equal(stops(), 1);
  assert.ok(queue.empty);
  queue.push("late");
  assert.ok(queue.empty);
});

Deno.test("MessageQueue keeps its order however far the reader is behind", async () => {
  const { queue, reader } = setUp();
  const read: (string | undefined)[] = [];
  const next = async () => read.push((await reader.next()).value);
  for (let i = 0; i < 1_000; i++) {
    queue.push(String(i));
    if (i % 3 === 0) await next();
  }
  while (!queue.empty) await next();
  assert.deepEqual(read, Array.from({ length: 1_000 }, (_, i) => String(i)));
});
