import assert from "node:assert/strict";
import fc from "fast-check";
import { DynamicTable } from "../../../lib/http2/hpack/dynamic_table.ts";
import { HeaderField } from "../../../lib/http2/hpack/header_field.ts";

/** RFC 7541 §4 word for word, newest first. */
class NaiveTable {
  readonly fields: HeaderField[] = [];
  readonly evicted: HeaderField[] = [];
  bytesMax = 4096;

  get bytes(): number {
    return this.fields.reduce((sum, field) => sum + field.bytes, 0);
  }

  insert(field: HeaderField): void {
    this.#evictUntil(() => this.bytes + field.bytes <= this.bytesMax);
    if (field.bytes <= this.bytesMax) this.fields.unshift(field);
  }

  resize(bytesMax: number): void {
    this.bytesMax = bytesMax;
    this.#evictUntil(() => this.bytes <= bytesMax);
  }

  #evictUntil(isEnough: () => boolean): void {
    while (!isEnough() && this.fields.length > 0) this.evicted.push(...this.fields.splice(-1));
  }
}

Deno.test("DynamicTable holds, finds and evicts what a naive table does", () => {
  const operation = fc.oneof(
    { weight: 9, arbitrary: fc.record({ insert: fc.nat({ max: 300 }) }) },
    { weight: 1, arbitrary: fc.record({ insert: fc.nat({ max: 5000 }) }) },
    { weight: 1, arbitrary: fc.record({ resize: fc.nat({ max: 4096 }) }) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300, size: "max" }), (operations) => {
      const evicted: HeaderField[] = [];
      const ordinals: number[] = [];
      const table = new DynamicTable(4096, (field, ordinal) => {
        evicted.push(field);
        ordinals.push(ordinal);
      });
      const naive = new NaiveTable();
      for (const operation of operations) {
        if ("insert" in operation) {
          const field = new HeaderField("n", "v".repeat(operation.insert));
          assert.equal(table.insert(field), field.bytes <= naive.bytesMax);
          naive.insert(field);
        } else {
          table.resize(operation.resize);
          naive.resize(operation.resize);
        }
        assert.equal(table.length, naive.fields.length);
        assert.equal(table.bytes, naive.bytes);
        for (let i = 0; i < naive.fields.length; i++) assert.equal(table.at(i), naive.fields[i]);
        assert.equal(table.at(naive.fields.length), undefined);
      }
      assert.equal(evicted.length, naive.evicted.length);
      for (let i = 0; i < evicted.length; i++) assert.equal(evicted[i], naive.evicted[i]);
      assert.deepEqual(ordinals, evicted.map((_, i) => i));
    }),
    { numRuns: 100 },
  );
});

Deno.test("DynamicTable.insert() fills the ring with the smallest fields", () => {
  const table = new DynamicTable(4096);
  for (let i = 0; i < 1000; i++) table.insert(new HeaderField("", ""));
  assert.equal(table.length, 128);
  assert.equal(table.bytes, 4096);
  assert.notEqual(table.at(127), undefined);
});

Deno.test("DynamicTable.insert() of a field larger than the table empties it", () => {
  const table = new DynamicTable(64);
  table.insert(new HeaderField("a", "b"));
  const isInserted = table.insert(new HeaderField("a", "b".repeat(32)));
  assert.ok(!isInserted);
  assert.equal(table.length, 0);
  assert.equal(table.bytes, 0);
});

Deno.test("DynamicTable rejects sizes out of its range", () => {
  for (const bytes of [-1, 0.5, NaN, 2 ** 20 + 1]) {
    assert.throws(() => new DynamicTable(bytes), RangeError);
  }
  assert.throws(() => new DynamicTable(100).resize(101), RangeError);
});
