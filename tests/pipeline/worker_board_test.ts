import assert from "node:assert/strict";
import fc from "fast-check";
import { WorkerBoard } from "../../lib/pipeline/worker_board.ts";

const SEED = 20_261_121;

Deno.test("WorkerBoard: nothing was done at first, by workers that serve", () => {
  const board = new WorkerBoard(WorkerBoard.allocate(2));
  const idle = { handled: 0, serves: true, handlingMs: 0, inferenceMs: 0 };
  assert.deepEqual(board.workers(), [idle, idle]);
  assert.deepEqual(board.requests(), { handlingMs: 0, inferenceMs: 0 });
  assert.deepEqual(new WorkerBoard(WorkerBoard.allocate(0)).workers(), []);
});

Deno.test("WorkerBoard: averages are those of the last hundred", () => {
  const times = fc.array(fc.tuple(fc.nat(2), fc.nat(1_000), fc.nat(1_000)), { maxLength: 400 });
  fc.assert(
    fc.property(times, (requests) => {
      const board = new WorkerBoard(WorkerBoard.allocate(2));
      const naive: [number, number][][] = [[], [], []];
      for (const [row, handlingMs, inferenceMs] of requests) {
        naive[row].push([handlingMs, row === 0 ? 0 : inferenceMs]);
        if (row === 0) board.recordRequest(handlingMs);
        else board.recordWork(row - 1, handlingMs, inferenceMs);
      }
      const average = (row: number, which: 0 | 1) => {
        const last = naive[row].slice(-100);
        return last.length === 0 ? 0 : last.reduce((sum, ms) => sum + ms[which], 0) / last.length;
      };
      assert.equal(board.requests().handlingMs, average(0, 0));
      for (const [place, figures] of board.workers().entries()) {
        assert.deepEqual(figures, {
          handled: naive[place + 1].length,
          serves: true,
          handlingMs: average(place + 1, 0),
          inferenceMs: average(place + 1, 1),
        });
      }
    }),
    { seed: SEED },
  );
});

Deno.test("WorkerBoard: others see in the same memory who serves", () => {
  const memory = WorkerBoard.allocate(3);
  new WorkerBoard(memory).setServing(1, false);
  assert.deepEqual(
    new WorkerBoard(memory).workers().map(({ serves }) => serves),
    [true, false, true],
  );
});
