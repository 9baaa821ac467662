import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationError } from "../../lib/errors.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { NUM_STORE_KEY_BYTES_MAX } from "../../lib/limits.ts";
import { NumberTable } from "../../lib/numstore/number_table.ts";
import { contentOf } from "./number_table_content.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

const encoder = new TextEncoder();
const key = (text: string) => encoder.encode(text);

function openTable(limits = { keys: 8, bytes: 64 }) {
  const memory = NumberTable.allocate(limits);
  const mutex = new SharedMutex(SharedMutex.allocate(), 1).acquire();
  return { table: new NumberTable(memory, mutex), memory, mutex };
}

const refusal = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof OperationError && error.code === code && message.test(error.message);

Deno.test("NumberTable.set() gives the sum as the specified sequence has it", () => {
  const { table } = openTable();
  const sequence = [["A", 1n, 1n], ["B", 10n, 11n], ["A", 5n, 15n], ["B", 0n, 5n]] as const;
  for (const [text, value, total] of sequence) {
    assert.equal(table.set(key(text), value), total);
    assert.equal(table.get(key(text)), value);
    assert.equal(table.total, total);
  }
  assert.equal(table.keys, 2);
  assert.equal(table.get(key("C")), undefined);
});

Deno.test("NumberTable keeps int64 exact, up to both ends", () => {
  const { table } = openTable();
  for (const value of [INT64_MAX, INT64_MIN, 2n ** 53n + 1n, -1n, 0n]) {
    assert.equal(table.set(key("A"), value), value);
    assert.equal(table.get(key("A")), value);
  }
  table.set(key("A"), INT64_MAX);
  // The sum of what there is leaves int64 on the way to a sum that does not.
  assert.equal(table.set(key("B"), INT64_MIN), -1n);
  assert.equal(table.set(key("A"), 0n), INT64_MIN);
});

Deno.test("NumberTable.set() refuses a sum that leaves int64 and changes nothing", async (t) => {
  const cases = [["upwards", INT64_MAX, 1n], ["downwards", INT64_MIN, -1n]] as const;
  for (const [name, extreme, more] of cases) {
    await t.step(name, () => {
      const { table, memory } = openTable();
      table.set(key("A"), extreme);
      table.set(key("B"), 0n);
      const before = contentOf(memory);
      const refused = refusal("out-of-range", new RegExp(`the total would be ${extreme + more}`));
      assert.throws(() => table.set(key("B"), more), refused);
      assert.throws(() => table.set(key("new"), more), refused);
      assert.deepEqual(contentOf(memory), before);
      assert.equal(table.set(key("A"), extreme - more), extreme - more);
      assert.equal(table.set(key("new"), more), extreme);
    });
  }
});

Deno.test("NumberTable.set() refuses a new key past either bound, and sets the others", async (t) => {
  const cases = [
    ["keys", { keys: 2, bytes: 64 }, "A", "BB", "C", /there are 2 keys, at most 2 allowed/],
    ["bytes", { keys: 8, bytes: 15 }, "A", "BBBBB", "C", /no room for its 1 bytes.*have 12/],
  ] as const;
  for (const [name, limits, first, second, third, message] of cases) {
    await t.step(name, () => {
      const { table, memory } = openTable(limits);
      table.set(key(first), 1n);
      table.set(key(second), 2n);
      const before = contentOf(memory);
      for (let again = 0; again < 2; again++) {
        assert.throws(() => table.set(key(third), 3n), refusal("resource-exhausted", message));
        assert.deepEqual(contentOf(memory), before);
      }
      assert.equal(table.set(key(first), 4n), 6n);
      assert.equal(table.set(key(second), -4n), 0n);
      assert.equal(table.get(key(third)), undefined);
    });
  }
});

Deno.test("NumberTable: a key may be empty, and 1 024 bytes long, and no longer", () => {
  const { table } = openTable({ keys: 8, bytes: 4_096 });
  const longest = new Uint8Array(NUM_STORE_KEY_BYTES_MAX).fill(7);
  table.set(key(""), 1n);
  table.set(longest, 2n);
  assert.deepEqual([table.get(key("")), table.get(longest)], [1n, 2n]);
  const tooLong = new Uint8Array(NUM_STORE_KEY_BYTES_MAX + 1).fill(7);
  const refused = refusal("invalid-argument", /the key has 1025 bytes, at most 1024 allowed/);
  assert.throws(() => table.set(tooLong, 3n), refused);
  assert.equal(table.get(tooLong), undefined);
  assert.equal(table.total, 3n);
});

Deno.test("NumberTable tells keys apart that differ in zero bytes, their length or one bit", () => {
  const { table } = openTable({ keys: 16, bytes: 4_096 });
  const keys = ["", "\0", "\0\0", "\0\0\0\0", "\0\0\0\0\0", "a", "a\0", "aaaa", "aaaaa", "aaab"];
  for (const [index, text] of keys.entries()) table.set(key(text), BigInt(index));
  assert.deepEqual(keys.map((text) => table.get(key(text))), keys.map((_, index) => BigInt(index)));
});

Deno.test("NumberTable does as a map does, with any keys and numbers", () => {
  const limits = { keys: 6, bytes: 40 };
  const keys = fc.uint8Array({ maxLength: 9, max: 3 });
  const numbers = fc.oneof(fc.bigInt(INT64_MIN, INT64_MAX), fc.bigInt(-20n, 20n));
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, numbers), { maxLength: 40 }), (sets) => {
      const { table, memory } = openTable(limits);
      const model = new Map<string, bigint>();
      for (const [bytes, value] of sets) {
        const text = String.fromCharCode(...bytes);
        const changed = new Map(model).set(text, value);
        const total = [...changed.values()].reduce((sum, number) => sum + number);
        const used = [...changed.keys()].reduce((sum, each) => sum + Math.ceil(each.length / 4), 0);
        const fits = changed.size <= limits.keys && 4 * used <= limits.bytes;
        if (fits && BigInt.asIntN(64, total) === total) {
          assert.equal(table.set(bytes, value), total);
          model.set(text, value);
        } else {
          assert.throws(() => table.set(bytes, value), OperationError);
        }
        assert.equal(table.get(bytes), model.get(text));
      }
      assert.deepEqual(contentOf(memory), model);
    }),
  );
});

Deno.test("NumberTable is one table for all that open it", () => {
  const mutexMemory = SharedMutex.allocate();
  const memory = NumberTable.allocate({ keys: 4, bytes: 64 });
  const tables = [1, 2].map((owner) => {
    const mutex = new SharedMutex(mutexMemory, owner);
    return { mutex, table: new NumberTable(memory, mutex) };
  });
  for (const [turn, { mutex, table }] of tables.entries()) {
    using _ = mutex.acquire();
    assert.equal(table.set(key(`${turn}`), 1n), BigInt(turn) + 1n);
  }
  using _ = tables[0].mutex.acquire();
  assert.equal(tables[0].table.get(key("1")), 1n);
});

Deno.test("NumberTable demands the lock", () => {
  const { table, mutex } = openTable();
  mutex.release();
  const uses = [
    () => table.total,
    () => table.keys,
    () => table.get(key("A")),
    () => table.set(key("A"), 1n),
    () => table.recover(),
  ];
  for (const use of uses) assert.throws(use, TypeError);
});

Deno.test("NumberTable refuses wrong limits and foreign memory", () => {
  const good = { keys: 1, bytes: 4 };
  const wrong = [
    { keys: 0 },
    { keys: 1.5 },
    { keys: 2 ** 24 + 1 },
    { bytes: 3 },
    { bytes: 2 ** 32 + 1 },
    { bytes: NaN },
  ];
  for (const change of wrong) {
    assert.throws(() => NumberTable.allocate({ ...good, ...change }), RangeError);
  }
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  for (const bytes of [0, 100, 4_096]) {
    assert.throws(() => new NumberTable(new SharedArrayBuffer(bytes), mutex), RangeError);
  }
});
