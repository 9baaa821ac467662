import assert from "node:assert/strict";
import { Counters } from "../../lib/serving/counters.ts";

Deno.test("Counters.sums() adds the rows of all threads", () => {
  const memory = Counters.allocate(3);
  const rows = [0, 1, 2].map((row) => new Counters(memory, row));
  rows.forEach((counters, row) => {
    for (let i = 0; i <= row; i++) counters.increment("callsOk");
  });
  rows[2].increment("threadsReplaced");
  assert.deepEqual(Counters.sums(memory), {
    connectionsOpened: 0,
    connectionsClosed: 0,
    connectionErrors: 0,
    callsStarted: 0,
    callsOk: 6,
    callsFailed: 0,
    threadsReplaced: 1,
  });
});
