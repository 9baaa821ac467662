import assert from "node:assert/strict";
import { RecordedBoard } from "../../lib/runtime/recorded_board.ts";

Deno.test("RecordedBoard.read() gives what was written last", () => {
  const memory = RecordedBoard.allocate();
  const [writer, reader] = [new RecordedBoard(memory), new RecordedBoard(memory)];
  assert.deepEqual(reader.read(), {});
  const long = { "größe": { count: 3, sum: 6.5, min: -1, max: 7 }, b: figure(2) };
  for (const figures of [long, { a: figure(1) }, {}]) {
    writer.write(figures);
    assert.deepEqual(reader.read(), figures);
  }
});

Deno.test("RecordedBoard.write() leaves out what does not fit", () => {
  const board = new RecordedBoard(RecordedBoard.allocate());
  const names = Array.from({ length: 2_000 }, (_, i) => `${i}`.padStart(100, "n"));
  board.write(Object.fromEntries(names.map((name) => [name, figure(1)])));
  const kept = Object.keys(board.read());
  assert.ok(kept.length > 0 && kept.length < names.length, `${kept.length} names`);
  assert.deepEqual(kept, names.slice(0, kept.length));
});

Deno.test("RecordedBoard.read() does not wait for a writer that has died at it", () => {
  const memory = RecordedBoard.allocate();
  new Int32Array(memory)[0] = 1;
  assert.deepEqual(new RecordedBoard(memory).read(), {});
});

function figure(value: number) {
  return { count: 1, sum: value, min: value, max: value };
}
