import assert from "node:assert/strict";
import fc from "fast-check";
import { Stream, type StreamConnection, type StreamHandler } from "../../lib/http2/stream.ts";
import { StreamTable } from "../../lib/http2/stream_table.ts";

const UNUSED: StreamConnection = {
  sendHeaders: unexpected,
  sendData: unexpected,
  encodeData: unexpected,
  sendReset: unexpected,
  sendWindowUpdate: unexpected,
};

function unexpected(): never {
  throw new Error("a table sends nothing");
}

/** A table beside the plain map that it has to agree with. */
class Tables {
  readonly table = new StreamTable<StreamHandler>();
  readonly naive = new Map<number, Stream<StreamHandler>>();
  readonly closed: number[] = [];

  /** Opens a stream; `skipped` identifiers stay unused, as those of refused streams do. */
  open(skipped: number): void {
    const id = this.table.lastId === 0 ? 1 + 2 * skipped : this.table.lastId + 2 + 2 * skipped;
    const stream = new Stream<StreamHandler>(id, 0, UNUSED);
    this.table.use(id);
    this.table.add(stream);
    this.naive.set(id, stream);
  }

  /** Closes one of the open streams, the oldest for 0, the latest for just under 1. */
  close(age: number): void {
    const id = [...this.naive.keys()][Math.floor(age * this.naive.size)];
    if (id === undefined) return;
    assert.equal(this.table.remove(id), true);
    assert.equal(this.table.remove(id), false);
    this.naive.delete(id);
    this.closed.push(id);
  }

  assertSame(): void {
    assert.equal(this.table.size, this.naive.size);
    for (const [id, stream] of this.naive) assert.equal(this.table.get(id), stream);
    for (const id of this.closed) assert.equal(this.table.get(id), undefined);
    const listed = [...this.table.values()];
    assert.equal(listed.length, this.naive.size);
    assert.deepEqual(new Set(listed), new Set(this.naive.values()));
  }
}

Deno.test("StreamTable holds what a map would, whichever streams end first", () => {
  const open = fc.record({ opened: fc.integer({ min: 1, max: 90 }), skipped: fc.nat({ max: 40 }) });
  const close = fc.record({ ended: fc.integer({ min: 1, max: 90 }), age: fc.double(UNIT) });
  fc.assert(fc.property(fc.array(fc.oneof(open, close), { maxLength: 30 }), (steps) => {
    const tables = new Tables();
    for (const step of steps) {
      if ("opened" in step) { for (let i = 0; i < step.opened; i++) tables.open(step.skipped); }
      else for (let i = 0; i < step.ended; i++) tables.close(step.age);
      tables.assertSame();
    }
  }));
});

const UNIT = { min: 0, max: 1, maxExcluded: true, noNaN: true } as const;

Deno.test("StreamTable keeps streams of long standing while thousands come and go", () => {
  const tables = new Tables();
  for (let i = 0; i < 3; i++) tables.open(0);
  for (let i = 0; i < 5_000; i++) {
    tables.open(0);
    tables.close(0.99);
  }
  tables.assertSame();
  assert.deepEqual([...tables.naive.keys()], [1, 3, 5]);
});

Deno.test("StreamTable holds more streams than it has slots, and lists late ones in order", () => {
  const tables = new Tables();
  for (let i = 0; i < 3_000; i++) tables.open(0);
  tables.assertSame();
  const ids = [...tables.table.values()].map(({ id }) => id);
  assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
});

Deno.test("StreamTable.values() goes on while those that it listed are removed", () => {
  const tables = new Tables();
  for (let i = 0; i < 100; i++) tables.open(0);
  let listed = 0;
  for (const { id } of tables.table.values()) {
    listed++;
    tables.table.remove(id);
  }
  assert.deepEqual([listed, tables.table.size], [100, 0]);
});
