import assert from "node:assert/strict";
import type { JobOutcome } from "../../lib/runtime/job_client.ts";
import { JobQueueStatistics } from "../../lib/runtime/job_queue_statistics.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { Capitals, Held, jobOf, QueueSetUp, textOf, turn } from "./queue_setup.ts";

const HASH = { hash0: 1, hash1: 2 };

function summaryOf(outcome: JobOutcome): string {
  if (outcome.kind === "done") return textOf(outcome.response.bytes);
  return outcome.kind === "failed" ? `${outcome.code}: ${outcome.message}` : outcome.kind;
}

Deno.test("JobSupervisor.fence() has the jobs run once more, each alone, before what else is in line", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const hung = new Held();
  const stored: string[] = [];
  const rules = { maxBatchRows: 2 };
  const jobs = ["a", "b"].map((text) => client.submit(jobOf(text)));
  const end = queue.run(
    {
      execute: (requests) => hung.execute(requests),
      stored: (request) => stored.push(textOf(request)),
    },
    rules,
  );
  await hung.begun();
  jobs.push(client.submit(jobOf("c")), client.submit(jobOf("d")));
  assert.ok((queue.supervisor.runningMs(0) ?? -1) >= 0);
  assert.equal(queue.supervisor.fence(0), 2);
  assert.equal(queue.supervisor.runningMs(0), undefined);
  assert.deepEqual(queue.supervisor.counts(), { queued: 4, running: 0, ended: 0 });
  const replacement = new Capitals();
  queue.run(replacement, rules, 0, 99);
  assert.deepEqual((await Promise.all(jobs)).map(summaryOf), ["A", "B", "C", "D"]);
  assert.deepEqual(replacement.batches, [["a"], ["b"], ["c", "d"]]);
  // The one that was given up comes back late.
  await hung.go();
  await end;
  assert.deepEqual(stored, []);
  assert.equal(queue.supervisor.isEmpty(), true);
});

Deno.test("what was fenced off twice fails as unavailable, alone", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const jobs = ["kill", "fine"].map((text) => client.submit(jobOf(text)));
  const hung = [new Held(), new Held()];
  const ends: Promise<void>[] = [];
  for (const [index, held] of hung.entries()) {
    ends.push(queue.run(held, { maxBatchRows: 2 }, 0, 50 + index));
    await held.begun();
    assert.equal(queue.supervisor.fence(0), index === 0 ? 2 : 1);
  }
  queue.run(new Capitals(), {}, 0, 60);
  assert.deepEqual((await Promise.all(jobs)).map(summaryOf), [
    "unavailable: Cannot run the job: each of the two instances that began it died or took too long",
    "FINE",
  ]);
  for (const held of hung) await held.go();
  await Promise.all(ends);
});

Deno.test("a runner that was fenced off changes nothing, whatever became of its slots", async (t) => {
  const ways: Record<string, (queue: QueueSetUp) => void> = {
    "its jobs run elsewhere": () => {},
    "all jobs failed": ({ supervisor }) => supervisor.failAll("unavailable", "Gone"),
  };
  for (const [name, meanwhile] of Object.entries(ways)) {
    await t.step(name, async () => {
      await using queue = new QueueSetUp({ slots: 2, arenaBytes: 256 });
      const client = queue.client();
      const [zombie, held] = [new Held(), new Held()];
      const end = queue.run(zombie, { maxBatchRows: 2 });
      const jobs = ["a", "b"].map((text) => client.submit(jobOf(text)));
      await zombie.begun();
      queue.supervisor.fence(0);
      meanwhile(queue);
      queue.run(held, {}, 1);
      if (name === "its jobs run elsewhere") { for (const _ of jobs) await held.go(); }
      await Promise.allSettled(jobs);
      // Other jobs, in the same slots and the same memory.
      const later = ["c", "d"].map((text) => client.submit(jobOf(text, { coalesce: HASH })));
      await held.begun();
      const before = queue.supervisor.counts();
      const { executions } = JobQueueStatistics.sums(queue.memory);
      await zombie.go();
      await end;
      assert.deepEqual(queue.supervisor.counts(), before);
      assert.equal(JobQueueStatistics.sums(queue.memory).executions, executions);
      await held.go();
      await held.go();
      assert.deepEqual((await Promise.all(later)).map(summaryOf), ["C", "D"]);
    });
  }
});

Deno.test("a fence hands the line to an instance that sleeps", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const [waiting, idle] = [new Capitals(), new Capitals()];
  // The first to look is the one that waits for its batch to fill up; the other has nothing to do.
  const rules = { maxBatchRows: 4, maxDelayMs: 100_000 };
  const end = queue.run(waiting, rules, 0);
  const job = client.submit(jobOf("a"));
  queue.run(idle, { maxBatchRows: 1 }, 1);
  await turn();
  queue.supervisor.fence(0);
  await end;
  assert.equal(summaryOf(await job), "A");
  assert.deepEqual([waiting.batches, idle.batches], [[], [["a"]]]);
});

Deno.test("an instance's number is not free before its runner is fenced off", async () => {
  await using queue = new QueueSetUp();
  queue.run(new Capitals());
  assert.throws(() => queue.run(new Capitals(), {}, 0, 77), {
    name: "TypeError",
    message: /thread 20 does/,
  });
  queue.supervisor.fence(0);
  queue.run(new Capitals(), {}, 0, 77);
});

Deno.test("JobSupervisor.dropThread() takes the thread's interest away, and only its own", async () => {
  await using queue = new QueueSetUp();
  const [dead, alive] = [queue.client(0), queue.client(1)];
  const held = new Held();
  queue.run(held);
  const lost = [
    dead.submit(jobOf("runs")),
    dead.submit(jobOf("shared", { coalesce: HASH })),
    dead.submit(jobOf("in line")),
  ];
  const told = Promise.allSettled(lost);
  await held.begun();
  const shared = alive.submit(jobOf("shared", { coalesce: HASH }));
  queue.supervisor.dropThread(0);
  assert.deepEqual(queue.supervisor.counts(), { queued: 1, running: 1, ended: 0 });
  await held.go();
  await held.go();
  assert.equal(summaryOf(await shared), "SHARED");
  assert.deepEqual(held.batches, [["runs"], ["shared"]]);
  assert.equal(queue.supervisor.isEmpty(), true);
  // Should it live after all, it learns of it, and does no more harm.
  for (const job of await told) {
    assert.ok(job.status === "rejected");
    assert.equal(job.reason.code, "unavailable");
  }
  await assert.rejects(dead.submit(jobOf("a")), { code: "unavailable" });
  // Its replacement has the same number and another name.
  const replacement = queue.client(0, 55);
  const job = replacement.submit(jobOf("new"));
  await held.go();
  assert.equal(summaryOf(await job), "NEW");
});

Deno.test("JobSupervisor.dropThread() frees what the thread did not pick up", async () => {
  await using queue = new QueueSetUp();
  const dead = queue.client(0);
  const lost = dead.submit(jobOf("a"));
  queue.supervisor.failAll("unavailable", "Gone");
  assert.deepEqual(queue.supervisor.counts(), { queued: 0, running: 0, ended: 1 });
  queue.supervisor.dropThread(0);
  assert.equal(queue.supervisor.isEmpty(), true);
  await assert.rejects(lost, { code: "unavailable" });
});

Deno.test("JobSupervisor.tellClosing() ends the runners when the line is empty, and takes no more jobs", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const [one, other] = [new Held(), new Held()];
  const rules = { maxBatchRows: 4, maxDelayMs: 100_000 };
  const jobs = ["a", "b"].map((text, group) => client.submit(jobOf(text, { group })));
  const ends = [queue.run(one, rules, 0), queue.run(other, rules, 1)];
  queue.supervisor.tellClosing();
  await one.begun();
  await other.begun();
  await assert.rejects(client.submit(jobOf("late")), {
    code: "unavailable",
    message: "Cannot run the job: the queue is closing",
  });
  await one.go();
  // The other's job may come back into line yet: its instance may die.
  queue.supervisor.fence(1);
  await one.go();
  await Promise.all(ends.slice(0, 1));
  assert.deepEqual((await Promise.all(jobs)).map(summaryOf), ["A", "B"]);
  assert.deepEqual(one.batches, [["a"], ["b"]]);
  await other.go();
  await ends[1];
});

Deno.test("JobSupervisor.failAll() tells everybody", async () => {
  await using queue = new QueueSetUp();
  const clients = [queue.client(0), queue.client(1)];
  const held = new Held();
  queue.run(held);
  const jobs = clients.flatMap((client) => ["a", "b"].map((text) => client.submit(jobOf(text))));
  await held.begun();
  queue.supervisor.failAll("not-found", "Cannot infer: the model is gone");
  for (const job of jobs) {
    assert.equal(summaryOf(await job), "not-found: Cannot infer: the model is gone");
  }
  await held.go();
});

Deno.test("JobSupervisor.recover() throws all away when the dead held the lock, and only then", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const held = new Held();
  queue.run(held);
  const jobs = ["a", "b"].map((text) => client.submit(jobOf(text)));
  await held.begun();
  assert.equal(queue.supervisor.recover(77), false);
  assert.equal(queue.supervisor.counts().running, 1);
  new SharedMutex(queue.memory.lock, 77).acquire();
  assert.equal(queue.supervisor.recover(77), true);
  for (const job of jobs) {
    await assert.rejects(job, {
      code: "unavailable",
      message: "Cannot run the job: the queue was lost with a thread that died in it",
    });
  }
  assert.equal(queue.supervisor.isEmpty(), true);
  // All go on as if nothing had been; the batch that was begun before changes nothing.
  const later = client.submit(jobOf("c"));
  await held.go();
  await held.go();
  assert.equal(summaryOf(await later), "C");
});
