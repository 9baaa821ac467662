import assert from "node:assert/strict";
import type { BatchRules } from "../../lib/runtime/batch_plan.ts";
import type { Job } from "../../lib/runtime/job.ts";
import { JobQueueStatistics } from "../../lib/runtime/job_queue_statistics.ts";
import { Capitals, jobOf, QueueSetUp, turn } from "./queue_setup.ts";

/** Longer than any test: only what is to end the wait early can end it. */
const PATIENT = { maxBatchRows: 4, maxDelayMs: 1_000_000 };

/** Submits jobs one by one to an instance that looks in between; the first batches that it then runs. */
async function batchesOf(
  jobs: readonly (readonly [string, Partial<Job>])[],
  rules: Partial<BatchRules>,
): Promise<string[][]> {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const capitals = new Capitals();
  queue.run(capitals, rules);
  for (const [text, job] of jobs) {
    client.submit(jobOf(text, job)).catch(() => {});
    await turn();
  }
  while (capitals.batches.length === 0) await turn();
  // What the end of the test hands out is not of interest.
  return structuredClone(capitals.batches);
}

Deno.test("an instance that waits for its batch is woken for what ends the wait", async (t) => {
  const cases: [string, [string, Partial<Job>][], Partial<BatchRules>, string[][]][] = [
    ["a full batch", [["a", {}], ["b", { rows: 2 }], ["c", {}]], {}, [["a", "b", "c"]]],
    ["what does not fit", [["a", { rows: 3 }], ["b", { rows: 2 }]], {}, [["a"]]],
    ["a preferred number", [["a", {}], ["b", {}]], { preferredRows: [2] }, [["a", "b"]]],
    ["a job that runs alone", [["a", {}], ["b", { group: -1 }]], {}, [["b"]]],
    ["another group's batch", [["a", {}], ["b", { group: 3, rows: 4 }]], {}, [["b"]]],
    [
      "another group's batch, bit by bit",
      [["a", {}], ["b", { group: 3, rows: 2 }], ["c", { rows: 2 }], ["d", { group: 3, rows: 2 }]],
      {},
      [["b", "d"]],
    ],
  ];
  for (const [name, jobs, rules, expected] of cases) {
    await t.step(name, async () => {
      assert.deepEqual(await batchesOf(jobs, { ...PATIENT, ...rules }), expected);
    });
  }
});

Deno.test("rows that were cancelled in line are not waited for", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const capitals = new Capitals();
  queue.run(capitals, PATIENT);
  const abort = new AbortController();
  const jobs = [client.submit(jobOf("a", { rows: 2 })), client.submit(jobOf("b", { group: 3 }))];
  await turn();
  const gone = client.submit(jobOf("c", { group: 3 }), abort.signal);
  await turn();
  abort.abort();
  await assert.rejects(gone, { name: "AbortError" });
  jobs.push(client.submit(jobOf("d", { rows: 2 })));
  await jobs[0];
  assert.deepEqual(capitals.batches, [["a", "d"]]);
  queue.supervisor.tellClosing();
  await Promise.all(jobs);
});

Deno.test("a batch that does not fill up is run when its oldest job has waited long enough", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const capitals = new Capitals();
  queue.run(capitals, { maxBatchRows: 4, maxDelayMs: 20 });
  await Promise.all(["a", "b"].map((text) => client.submit(jobOf(text))));
  assert.deepEqual(capitals.batches, [["a", "b"]]);
});

Deno.test("instances that sleep share what comes", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const instances = [new Capitals(), new Capitals()];
  for (const [instance, capitals] of instances.entries()) queue.run(capitals, {}, instance);
  await turn();
  await Promise.all(["a", "b", "c", "d"].map((text) => client.submit(jobOf(text))));
  for (const { batches } of instances) assert.ok(batches.length > 0);
  assert.equal(instances.flatMap(({ batches }) => batches).length, 4);
});

Deno.test("JobRunner refuses rules and instances that make no sense", async (t) => {
  await using queue = new QueueSetUp();
  const wrong: Partial<BatchRules>[] = [
    { maxBatchRows: 0 },
    { maxBatchRows: 1.5 },
    { maxDelayMs: -1 },
    { maxDelayMs: Infinity },
    { maxBatchRows: 4, preferredRows: [5] },
    { maxBatchRows: 4, preferredRows: [0] },
  ];
  for (const rules of wrong) {
    await t.step(JSON.stringify(rules), () => {
      assert.throws(() => queue.run(new Capitals(), rules), RangeError);
    });
  }
  assert.throws(() => queue.run(new Capitals(), {}, 2), RangeError);
});

Deno.test("JobQueueStatistics tells batches by their rows", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  queue.run(new Capitals());
  for (const rows of [1, 1, 64, 65, 128, 129, 2 ** 31 - 1]) {
    await client.submit(jobOf("a", { rows }));
  }
  const { batches, executions, jobs } = JobQueueStatistics.sums(queue.memory);
  assert.deepEqual(batches.map(({ rows, count }) => [rows, count]), [
    [1, 2],
    [64, 1],
    [128, 2],
    [256, 1],
    [2 ** 30, 1],
  ]);
  assert.deepEqual([executions, jobs], [7, 7]);
});
