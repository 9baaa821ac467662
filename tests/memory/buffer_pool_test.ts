import assert from "node:assert/strict";
import { BufferPool } from "../../lib/memory/buffer_pool.ts";

const OPTIONS = { smallestBytes: 2_048, largestBytes: 65_536, bytesMax: 1_000_000 };

Deno.test("BufferPool gives the next power of two, and beyond the largest as much as was asked for", () => {
  const pool = new BufferPool(OPTIONS);
  const cases = [
    [0, 2_048],
    [2_048, 2_048],
    [2_049, 4_096],
    [4_096, 4_096],
    [16_393, 32_768],
    [
      32_769,
      65_536,
    ],
    [65_536, 65_536],
    [65_537, 65_537],
  ];
  for (const [bytes, length] of cases) assert.equal(pool.take(bytes).length, length, `${bytes}`);
});

Deno.test("BufferPool gives a buffer that was given back to the next of its size, to one at a time", () => {
  const pool = new BufferPool(OPTIONS);
  for (const bytes of [100, 5_000, 65_536]) {
    const buffer = pool.take(bytes);
    pool.giveBack(buffer);
    assert.equal(pool.bytes, buffer.length);
    assert.notEqual(pool.take(bytes === 100 ? 65_536 : 100), buffer);
    assert.equal(pool.take(bytes), buffer);
    assert.notEqual(pool.take(bytes), buffer);
    assert.equal(pool.bytes, 0);
  }
});

Deno.test("BufferPool keeps no more than its bound, and no buffer beyond its largest", () => {
  const pool = new BufferPool({ ...OPTIONS, bytesMax: 10_000 });
  const [small, large, tooMuch, tooLarge] = [100, 8_000, 4_000, 70_000].map((bytes) =>
    pool.take(bytes)
  );
  pool.giveBack(small);
  pool.giveBack(large);
  assert.equal(pool.bytes, small.length);
  pool.giveBack(tooMuch);
  pool.giveBack(tooLarge);
  assert.equal(pool.bytes, small.length + tooMuch.length);
});
