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
    connectionsRefused: 0,
    callsStarted: 0,
    callsOk: 6,
    callsFailed: 0,
    threadsReplaced: 1,
    invocationsOk: 0,
    invocationsFailed: 0,
    storeFailures: 0,
  });
});

Deno.test("Counters.settle() ends what a dead thread had open, and no other thread's", () => {
  const memory = Counters.allocate(3);
  const [dead, living] = [1, 2].map((row) => new Counters(memory, row));
  for (const counters of [dead, living]) {
    for (let i = 0; i < 3; i++) counters.increment("connectionsOpened");
    counters.increment("connectionsClosed");
    for (let i = 0; i < 5; i++) counters.increment("callsStarted");
    counters.increment("callsOk");
    counters.increment("callsFailed");
  }
  assert.equal(Counters.openConnections(memory), 4);
  dead.settle();
  assert.equal(Counters.openConnections(memory), 2);
  const { callsStarted, callsOk, callsFailed } = Counters.sums(memory);
  assert.deepEqual([callsStarted, callsOk, callsFailed], [10, 2, 5]);
});
