import assert from "node:assert/strict";
import { vectorRequests, workloadRequests } from "../../lib/bench/requests.ts";
import { randomWorkload } from "../../lib/workload/random.ts";
import type { WorkloadRequest } from "../../lib/workload/request.ts";

const UNIFORM = { inputs: 3, distinct: 20, zipf: 0 };

function take<T>(source: { next(): T }, count: number): T[] {
  return Array.from({ length: count }, () => source.next());
}

Deno.test("vectorRequests(): the seed makes the sequence of a thread repeatable", () => {
  const sequence = (seed: number, thread: number) =>
    take(vectorRequests(UNIFORM, { seed, thread }), 200).map((vector) => [...vector]);
  assert.deepEqual(sequence(1, 0), sequence(1, 0));
  assert.notDeepEqual(sequence(1, 0), sequence(2, 0));
  assert.notDeepEqual(sequence(1, 0), sequence(1, 1));
});

Deno.test("vectorRequests(): all threads draw from the same vectors, no two of which are equal", () => {
  const keys = (thread: number) =>
    new Set(take(vectorRequests(UNIFORM, { seed: 5, thread }), 2_000).map((vector) => `${vector}`));
  const first = keys(0);
  assert.equal(first.size, 20);
  assert.deepEqual([...first].sort(), [...keys(3)].sort());
});

Deno.test("vectorRequests(): vectors of one float are distinct too", () => {
  const choice = { inputs: 1, distinct: 100, zipf: 0 };
  const seen = new Set(take(vectorRequests(choice, { seed: 1, thread: 0 }), 5_000).map(([x]) => x));
  assert.equal(seen.size, 100);
});

Deno.test("workloadRequests(): a file's requests are repeated in order", () => {
  const requests: WorkloadRequest[] = [
    { type: "SetCoefs", value: { coefs: [1] } },
    { type: "Predict", value: { inputs: [2] } },
  ];
  const source = workloadRequests({ kind: "file", file: "w.json", requests }, {
    seed: 1,
    thread: 0,
  });
  assert.deepEqual(take(source, 5), [0, 1, 0, 1, 0].map((index) => requests[index]));
});

Deno.test("workloadRequests(): the random workload is that of the seed and the thread", () => {
  const source = workloadRequests({ kind: "random" }, { seed: 9, thread: 2 });
  assert.deepEqual(take(source, 50), [...randomWorkload({ seed: 9, thread: 2, requests: 50 })]);
});
