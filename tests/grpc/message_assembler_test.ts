import { MESSAGE_OVERHEAD_BYTES } from "../../lib/limits.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { CompressedMessage, type ReceivedMessage } from "../../lib/grpc/compressed_message.ts";
import { gzip } from "../../lib/grpc/gzip.ts";
import { ByteBudget, MessageAssembler } from "../../lib/grpc/message_assembler.ts";
import { POOLED_BYTES_MIN } from "../../lib/grpc/message_buffers.ts";
import { BufferPool } from "../../lib/memory/buffer_pool.ts";
import {
  isWholeMessage,
  markCompressed,
  PREFIX_BYTES,
  readCompressedFlag,
  readLength,
  writePrefix,
} from "../../lib/grpc/message_prefix.ts";
import { Code } from "../../lib/grpc/status.ts";

const BYTES_MAX = 1_000;

function prefixed(...messages: Uint8Array[]): Uint8Array {
  const length = messages.reduce((sum, { length }) => sum + PREFIX_BYTES + length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const message of messages) {
    writePrefix(bytes, at, message.length);
    bytes.set(message, at + PREFIX_BYTES);
    at += PREFIX_BYTES + message.length;
  }
  return bytes;
}

/** How many bytes a budget has left, found by asking. */
function leftBytes(budget: ByteBudget, bytesMax: number): number {
  for (let bytes = bytesMax; bytes > 0; bytes--) {
    try {
      budget.take(bytes);
    } catch {
      continue;
    }
    budget.giveBack(bytes);
    return bytes;
  }
  return 0;
}

Deno.test("A message prefix comes back for every length, and tells a whole message", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(9), (length, offset) => {
    const bytes = new Uint8Array(offset + PREFIX_BYTES);
    writePrefix(bytes, offset, length);
    assert.equal(readLength(bytes, offset, 0xffff_ffff), length);
    assert.equal(readCompressedFlag(bytes, offset), false);
    assert.equal(isWholeMessage(bytes, offset, bytes.length), length === 0);
    markCompressed(bytes, offset);
    assert.equal(readLength(bytes, offset, 0xffff_ffff), length);
    assert.equal(readCompressedFlag(bytes, offset), true);
    assert.ok(!isWholeMessage(bytes, offset, bytes.length));
  }));
});

Deno.test("MessageAssembler refuses flags and lengths at the prefix", async (t) => {
  const cases: [name: string, prefix: number[], code: Code, message: RegExp][] = [
    ["an unknown flag", [2, 0, 0, 0, 0], Code.INTERNAL, /flag is 2/],
    ["all bits of the flag", [255, 0, 0, 0, 0], Code.INTERNAL, /flag is 255/],
    ["one byte too many", [0, 0, 0, 3, 233], Code.RESOURCE_EXHAUSTED, /1001 bytes, at most 1000/],
    ["one byte too many, compressed", [1, 0, 0, 3, 233], Code.RESOURCE_EXHAUSTED, /1001 bytes/],
    ["4 GiB", [0, 255, 255, 255, 255], Code.RESOURCE_EXHAUSTED, /4294967295 bytes/],
  ];
  for (const [name, prefix, code, message] of cases) {
    await t.step(name, () => {
      const assembler = new MessageAssembler(BYTES_MAX, new ByteBudget(BYTES_MAX));
      const push = () => assembler.push(new Uint8Array(prefix), 0, prefix.length, () => {});
      assert.throws(push, { name: "GrpcError", code, message });
    });
  }
});

Deno.test("MessageAssembler makes the same messages of any chunks", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  const cuts = fc.array(fc.nat(2_500), { maxLength: 20 });
  fc.assert(fc.property(messages, cuts, (messages, cuts) => {
    const bytes = prefixed(...messages);
    const budget = new ByteBudget(10_000);
    const assembler = new MessageAssembler(BYTES_MAX, budget);
    const found: ReceivedMessage[] = [];
    const ends = [...cuts, bytes.length].filter((cut) => cut <= bytes.length).sort((a, b) => a - b);
    let start = 0;
    for (const end of ends) {
      const chunk = bytes.slice(start, end);
      assembler.push(chunk, 0, chunk.length, (message) => found.push(message));
      chunk.fill(0xee);
      start = end;
    }
    assert.deepEqual(found, messages);
    assert.ok(!assembler.partial);
    for (const message of found) assembler.release(message.length);
    assert.equal(leftBytes(budget, 10_000), 10_000);
  }));
});

Deno.test("MessageAssembler tells a message that has begun and not ended", () => {
  const bytes = prefixed(new Uint8Array(3));
  for (let cut = 1; cut <= bytes.length; cut++) {
    const assembler = new MessageAssembler(BYTES_MAX, new ByteBudget(BYTES_MAX));
    assembler.push(bytes, 0, cut, () => {});
    assert.equal(assembler.partial, cut < bytes.length, `${cut} bytes`);
  }
});

Deno.test("MessageAssembler holds what came in, not what a prefix promises", () => {
  const budget = new ByteBudget(200_000);
  const assembler = new MessageAssembler(0x7fff_ffff, budget);
  const bytes = new Uint8Array(PREFIX_BYTES + 100_000);
  writePrefix(bytes, 0, 0x7fff_ffff);
  assembler.push(bytes, 0, bytes.length, () => {});
  assert.equal(leftBytes(budget, 200_000), 100_000 - MESSAGE_OVERHEAD_BYTES);
  assembler.close();
  assert.equal(leftBytes(budget, 200_000), 200_000);
});

Deno.test("MessageAssembler puts long messages together in recycled buffers", () => {
  const pool = new BufferPool({
    smallestBytes: POOLED_BYTES_MIN,
    largestBytes: 1_048_576,
    bytesMax: 4_194_304,
  });
  for (const length of [100_000, 65_537, 524_288, 65_536, 3, 2_000_000, 300_000]) {
    const assembler = new MessageAssembler(0x7fff_ffff, new ByteBudget(3_000_000), pool);
    const sent = Uint8Array.from({ length }, (_, i) => i * 31 + length);
    const bytes = prefixed(sent);
    const messages: ReceivedMessage[] = [];
    for (let at = 0; at < bytes.length; at += 16_384) {
      const end = Math.min(bytes.length, at + 16_384);
      assembler.push(bytes, at, end, (message) => messages.push(message));
    }
    assert.equal(messages.length, 1);
    assert.ok(
      messages[0] instanceof Uint8Array && !messages[0].some((byte, i) => byte !== sent[i]),
    );
    assert.equal(messages[0].length, length);
    const free = pool.bytes;
    assembler.recycle();
    assembler.recycle();
    const isPooled = length >= POOLED_BYTES_MIN && length <= 1_048_576;
    assert.equal(pool.bytes > free, isPooled, `${length}`);
  }
});

Deno.test("MessageAssembler takes little memory for a message that has hardly begun", () => {
  const COUNT = 2_000;
  const bytes = prefixed(new Uint8Array(1_000_000)).subarray(0, PREFIX_BYTES + 1);
  const budget = new ByteBudget(COUNT * (MESSAGE_OVERHEAD_BYTES + 1));
  const before = Deno.memoryUsage().external;
  const assemblers = Array.from({ length: COUNT }, () => {
    const assembler = new MessageAssembler(1_000_000, budget);
    assembler.push(bytes, 0, bytes.length, () => assert.fail("it has not ended"));
    return assembler;
  });
  const eachBytes = (Deno.memoryUsage().external - before) / COUNT;
  assert.ok(eachBytes <= 2 * MESSAGE_OVERHEAD_BYTES, `each takes ${eachBytes} bytes`);
  assert.ok(assemblers.every(({ partial }) => partial));
});

Deno.test("MessageAssembler refuses a message over its limit at the prefix", () => {
  const budget = new ByteBudget(10_000);
  const assembler = new MessageAssembler(BYTES_MAX, budget);
  const bytes = prefixed(new Uint8Array(BYTES_MAX + 1));
  assert.throws(() => assembler.push(bytes, 0, bytes.length, () => {}), {
    code: Code.RESOURCE_EXHAUSTED,
  });
  assembler.close();
  assert.equal(leftBytes(budget, 10_000), 10_000);
});

Deno.test("MessageAssemblers of one connection share its budget, and give it back", () => {
  const budget = new ByteBudget(1_000 + 2 * MESSAGE_OVERHEAD_BYTES);
  const first = new MessageAssembler(BYTES_MAX, budget);
  const second = new MessageAssembler(BYTES_MAX, budget);
  const half = prefixed(new Uint8Array(900)).subarray(0, PREFIX_BYTES + 600);
  first.push(half, 0, half.length, () => {});
  assert.throws(() => second.push(half, 0, half.length, () => {}), {
    code: Code.RESOURCE_EXHAUSTED,
    message: /600 bytes more, 400 are left/,
  });
  first.close();
  first.close();
  second.close();
  const all = 1_000 + 2 * MESSAGE_OVERHEAD_BYTES;
  assert.equal(leftBytes(budget, all), all);
  const third = new MessageAssembler(BYTES_MAX, budget);
  third.push(half, 0, half.length, () => {});
  assert.equal(leftBytes(budget, all), 400 + MESSAGE_OVERHEAD_BYTES);
});

Deno.test("MessageAssembler charges empty messages too, until they are released", () => {
  const messages = 10;
  const all = messages * MESSAGE_OVERHEAD_BYTES;
  const budget = new ByteBudget(all);
  const assembler = new MessageAssembler(BYTES_MAX, budget);
  const empty = prefixed(new Uint8Array(0));
  for (let i = 0; i < messages; i++) assembler.push(empty, 0, empty.length, () => {});
  assert.throws(() => assembler.push(empty, 0, empty.length, () => {}), {
    code: Code.RESOURCE_EXHAUSTED,
  });
  for (let i = 0; i < messages; i++) assembler.release(0);
  assert.equal(leftBytes(budget, all), all);
});

/** Puts one compressed message into an assembler, and takes it out. */
function pushCompressed(assembler: MessageAssembler, packed: Uint8Array): CompressedMessage {
  const bytes = prefixed(packed);
  markCompressed(bytes, 0);
  const found: ReceivedMessage[] = [];
  assembler.push(bytes, 0, bytes.length, (message) => found.push(message));
  const [message] = found;
  assert.ok(message instanceof CompressedMessage && assembler.compressed);
  return message;
}

Deno.test("MessageAssembler charges a compressed message, then what it was decompressed to", () => {
  const budget = new ByteBudget(10_000);
  const assembler = new MessageAssembler(BYTES_MAX, budget);
  const message = pushCompressed(assembler, gzip(new Uint8Array(900)));
  assert.equal(leftBytes(budget, 10_000), 10_000 - MESSAGE_OVERHEAD_BYTES - message.length);
  assert.deepEqual(assembler.decompress(message), new Uint8Array(900));
  assert.equal(leftBytes(budget, 10_000), 10_000 - MESSAGE_OVERHEAD_BYTES - 900);
  assembler.release(900);
  assert.equal(leftBytes(budget, 10_000), 10_000);
});

Deno.test("MessageAssembler.decompress() fails past either limit, and nothing stays taken", () => {
  const all = 600 + 2 * MESSAGE_OVERHEAD_BYTES;
  const cases = [["of the message", BYTES_MAX + 1], ["of the connection", BYTES_MAX]] as const;
  for (const [limit, bytes] of cases) {
    const budget = new ByteBudget(all);
    budget.take(MESSAGE_OVERHEAD_BYTES);
    const assembler = new MessageAssembler(BYTES_MAX, budget);
    const message = pushCompressed(assembler, gzip(new Uint8Array(bytes)));
    const failure = { code: Code.RESOURCE_EXHAUSTED };
    assert.throws(() => assembler.decompress(message), failure, limit);
    assembler.close();
    assert.equal(leftBytes(budget, all), all - MESSAGE_OVERHEAD_BYTES, limit);
  }
});

Deno.test("MessageAssembler takes nothing more of its budget once it is closed", () => {
  const budget = new ByteBudget(2_000);
  const assembler = new MessageAssembler(BYTES_MAX, budget);
  const message = pushCompressed(assembler, gzip(new Uint8Array(500)));
  assembler.close();
  assert.equal(assembler.decompress(message).length, 500);
  assert.equal(leftBytes(budget, 2_000), 2_000);
  assembler.release(500);
  assert.equal(leftBytes(budget, 2_000), 2_000);
});

Deno.test("ByteBudgets of connections share that of their thread", () => {
  const thread = new ByteBudget(1_000, { holder: "server thread" });
  const first = new ByteBudget(800, { parent: thread });
  const second = new ByteBudget(800, { parent: thread });
  first.take(700);
  assert.throws(() => second.take(400), { message: /300 are left on this server thread/ });
  second.take(300);
  first.giveBack(700);
  second.take(500);
  assert.throws(() => second.take(1), { message: /0 are left on this connection/ });
  second.giveBack(800);
  assert.equal(leftBytes(thread, 1_000), 1_000);
});
