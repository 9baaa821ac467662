import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { JobQueueStatistics } from "../../lib/runtime/job_queue_statistics.ts";
import type { JobOutcome } from "../../lib/runtime/job_client.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";
import { contentOf } from "./job_table_content.ts";
import { Capitals, Held, jobOf, QueueSetUp, textOf, turn } from "./queue_setup.ts";

const HASH = { hash0: 7, hash1: -7 };

function textOfDone(outcome: JobOutcome): string {
  assert.equal(outcome.kind, "done");
  return outcome.kind === "done" ? textOf(outcome.response.bytes) : "";
}

/** Nothing is left in the queue: no slot, no memory. */
async function assertEmpty({ memory, supervisor }: QueueSetUp): Promise<void> {
  while (!supervisor.isEmpty()) await turn();
  assert.equal(contentOf(memory.table).usedBlocks, 0);
}

Deno.test("JobClient.submit() resolves with what the executor answers", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  queue.run(new Capitals());
  const outcome = await client.submit(jobOf("a"));
  assert.equal(textOfDone(outcome), "A");
  assert.ok(outcome.kind === "done" && !outcome.coalesced);
  assert.ok(outcome.queueMs >= 0 && outcome.computeMs >= 0);
  assert.equal(textOfDone(await client.submit(jobOf(""))), "");
  await assertEmpty(queue);
  assert.equal(client.pending, 0);
});

Deno.test("JobClient.submit() refuses what the queue has no room for, and says which", async (t) => {
  await using queue = new QueueSetUp({ slots: 3, arenaBytes: 256 });
  const client = queue.client();
  await t.step("memory that it never has", async () => {
    await assert.rejects(client.submit(jobOf(257)), {
      code: "invalid-argument",
      message: "Cannot submit a job: 257 bytes, the queue has room for 256 at once",
    });
  });
  await t.step("memory that it has not now", async () => {
    const abort = new AbortController();
    const waiting = client.submit(jobOf(10), abort.signal);
    await assert.rejects(client.submit(jobOf(256)), {
      code: "resource-exhausted",
      message: "Cannot submit a job: no room for its 256 bytes, 64 of the queue's 256 are in use",
    });
    abort.abort();
    await assert.rejects(waiting, { name: "AbortError" });
  });
  await t.step("slots", async () => {
    const abort = new AbortController();
    const waiting = [1, 2, 3].map((bytes) => client.submit(jobOf(bytes), abort.signal));
    await assert.rejects(client.submit(jobOf(1)), {
      code: "resource-exhausted",
      message: "Cannot submit a job: all 3 slots of the queue are taken",
    });
    abort.abort();
    for (const one of waiting) await assert.rejects(one, { name: "AbortError" });
  });
  await assertEmpty(queue);
  const { rejected, cancelled, submitted } = JobQueueStatistics.sums(queue.memory);
  assert.deepEqual({ rejected, cancelled, submitted }, { rejected: 3, cancelled: 4, submitted: 7 });
});

Deno.test("JobClient.submit() refuses a programmer's mistakes", async (t) => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  for (
    const job of [{ rows: 0 }, { rows: 1.5 }, { group: 2 ** 31 }, { priority: 0 }, { priority: 4 }]
  ) {
    await t.step(JSON.stringify(job), () => {
      assert.throws(() => client.submit(jobOf("a", job)), RangeError);
    });
  }
  assert.throws(() => queue.client(2), RangeError);
  client.close();
  assert.throws(() => client.submit(jobOf("a")), TypeError);
});

Deno.test("JobClient.submit() gives the memory back when a request cannot be written", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const request = {
    byteLength: 100,
    writeTo() {
      throw new Error("of the encoder");
    },
  };
  await assert.rejects(client.submit(jobOf("a", { request })), /of the encoder/);
  await assertEmpty(queue);
  assert.equal(client.pending, 0);
});

Deno.test("a cancelled job leaves the line at once and is never run", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const held = new Held();
  queue.run(held);
  const first = client.submit(jobOf("a"));
  await held.begun();
  const abort = new AbortController();
  const second = client.submit(jobOf("b"), () => abort.signal);
  assert.equal(queue.supervisor.counts().queued, 1);
  abort.abort(new Error("of the caller"));
  assert.equal(queue.supervisor.counts().queued, 0);
  await assert.rejects(second, /of the caller/);
  await held.go();
  assert.equal(textOfDone(await first), "A");
  assert.deepEqual(held.batches, [["a"]]);
  await assertEmpty(queue);
});

Deno.test("a signal that is aborted already ends the waiting at once", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  await assert.rejects(client.submit(jobOf("a"), AbortSignal.abort("gone")), (reason) => {
    return reason === "gone";
  });
  await assertEmpty(queue);
});

Deno.test("a running job that nobody waits for completes quietly", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const held = new Held();
  const stored: string[] = [];
  const executor = {
    execute: (requests: readonly Uint8Array[]) => held.execute(requests),
    stored: (request: Uint8Array, response: Uint8Array) => {
      stored.push(textOf(request) + textOf(response));
    },
  };
  queue.run(executor);
  const abort = new AbortController();
  const job = client.submit(jobOf("a"), abort.signal);
  await held.begun();
  abort.abort();
  await assert.rejects(job, { name: "AbortError" });
  assert.deepEqual(queue.supervisor.counts(), { queued: 0, running: 1, ended: 0 });
  await held.go();
  await assertEmpty(queue);
  assert.deepEqual(stored, ["aA"]);
});

Deno.test("a job whose deadline passes in line is told so and never run", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const deadlineMs = performance.now() + 5;
  const job = client.submit(jobOf("a", { deadlineMs }));
  await assert.rejects(job, { code: "deadline-exceeded" });
  await assertEmpty(queue);
  await assert.rejects(client.submit(jobOf("b", { deadlineMs })), { code: "deadline-exceeded" });
  const capitals = new Capitals();
  queue.run(capitals);
  assert.equal(textOfDone(await client.submit(jobOf("c"))), "C");
  assert.deepEqual(capitals.batches, [["c"]]);
  assert.equal(JobQueueStatistics.sums(queue.memory).expired, 2);
});

Deno.test("an instance that comes for a job too late passes it over before its thread's timer tells", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const deadlineMs = performance.now() + 2;
  const job = client.submit(jobOf("a", { deadlineMs }));
  // The thread is busy until then, so that its timer cannot have told.
  while (performance.now() <= deadlineMs);
  const capitals = new Capitals();
  queue.run(capitals);
  await assert.rejects(job, { code: "deadline-exceeded" });
  assert.deepEqual(capitals.batches, []);
  await assertEmpty(queue);
});

Deno.test("a deadline that passes while the job runs ends the waiting, not the job", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const held = new Held();
  queue.run(held);
  const job = client.submit(jobOf("a", { deadlineMs: performance.now() + 20 }));
  await held.begun();
  await assert.rejects(job, { code: "deadline-exceeded" });
  await held.go();
  await assertEmpty(queue);
});

Deno.test("requests that are the same run once, on whatever threads they are made", async () => {
  await using queue = new QueueSetUp();
  const [one, other] = [queue.client(0), queue.client(1)];
  const held = new Held();
  queue.run(held);
  const first = one.submit(jobOf("a", { coalesce: HASH }));
  await held.begun();
  const joined = [one, other, other].map((client) => client.submit(jobOf("a", { coalesce: HASH })));
  // The same hash and length, but not the same bytes; and the same bytes, but not to be shared.
  const different = other.submit(jobOf("b", { coalesce: HASH }));
  const apart = one.submit(jobOf("a"));
  for (let batch = 0; batch < 3; batch++) await held.go();
  const outcomes = [await first, ...await Promise.all(joined)];
  assert.deepEqual(outcomes.map(textOfDone), ["A", "A", "A", "A"]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === "done" && outcome.coalesced),
    [false, true, true, true],
  );
  const buffers = outcomes.map((outcome) =>
    outcome.kind === "done" && outcome.response.bytes.buffer
  );
  assert.equal(new Set(buffers).size, 4, "each owns its copy");
  assert.equal(textOfDone(await different), "B");
  assert.equal(textOfDone(await apart), "A");
  assert.deepEqual(held.batches, [["a"], ["b"], ["a"]]);
  assert.equal(JobQueueStatistics.sums(queue.memory).coalesced, 3);
  await assertEmpty(queue);
});

Deno.test("who shares a job may go without the others", async (t) => {
  for (const leavers of [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]]) {
    await t.step(`${leavers} of 3`, async () => {
      await using queue = new QueueSetUp();
      const clients = [queue.client(0), queue.client(1)];
      const aborts = [0, 1, 2].map(() => new AbortController());
      const jobs = aborts.map(({ signal }, index) =>
        clients[index >> 1].submit(jobOf("a", { coalesce: HASH }), signal)
      );
      for (const leaver of leavers) aborts[leaver].abort();
      for (const leaver of leavers) await assert.rejects(jobs[leaver], { name: "AbortError" });
      assert.equal(queue.supervisor.counts().queued, leavers.length === 3 ? 0 : 1);
      const capitals = new Capitals();
      queue.run(capitals);
      for (const [index, job] of jobs.entries()) {
        if (!leavers.includes(index)) assert.equal(textOfDone(await job), "A");
      }
      await assertEmpty(queue);
      assert.equal(capitals.batches.length, leavers.length === 3 ? 0 : 1);
    });
  }
});

Deno.test("a shared job lives until the last of its deadlines, and each waiter has its own", async () => {
  await using queue = new QueueSetUp();
  const clients = [queue.client(0), queue.client(1)];
  const coalesce = HASH;
  const short = clients[0].submit(
    jobOf("a", { coalesce, deadlineMs: performance.now() + 5 }),
  );
  const long = clients[1].submit(
    jobOf("a", { coalesce, deadlineMs: performance.now() + 60_000 }),
  );
  await assert.rejects(short, { code: "deadline-exceeded" });
  queue.run(new Capitals());
  assert.equal(textOfDone(await long), "A");
  await assertEmpty(queue);
});

Deno.test("when those without a deadline have gone a shared job expires with the rest", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const abort = new AbortController();
  const deadlineMs = performance.now() + 2;
  const patient = client.submit(jobOf("a", { coalesce: HASH }), abort.signal);
  const hasty = client.submit(jobOf("a", { coalesce: HASH, deadlineMs }));
  abort.abort();
  while (performance.now() <= deadlineMs);
  const capitals = new Capitals();
  queue.run(capitals);
  await assert.rejects(hasty, { code: "deadline-exceeded" });
  await assert.rejects(patient, { name: "AbortError" });
  assert.deepEqual(capitals.batches, []);
});

Deno.test("a request that joins a job lifts it to its own priority", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const held = new Held();
  queue.run(held);
  const jobs = [client.submit(jobOf("first"))];
  await held.begun();
  jobs.push(client.submit(jobOf("low", { priority: 3, coalesce: HASH })));
  jobs.push(client.submit(jobOf("middle", { priority: 2 })));
  jobs.push(client.submit(jobOf("low", { priority: 1, coalesce: HASH })));
  for (let batch = 0; batch < 3; batch++) await held.go();
  await Promise.all(jobs);
  assert.deepEqual(held.batches, [["first"], ["low"], ["middle"]]);
});

Deno.test("recheck is asked when nothing that is the same is in flight, and only then", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  let asked = 0;
  const recheck = () => {
    asked++;
    return asked === 2;
  };
  const job = jobOf("a", { coalesce: HASH, recheck });
  const first = client.submit(job);
  const joined = client.submit(job);
  assert.equal(asked, 1);
  queue.run(new Capitals());
  assert.equal(textOfDone(await first), "A");
  assert.equal(textOfDone(await joined), "A");
  assert.deepEqual(await client.submit(job), { kind: "recheckHit" });
  assert.equal(asked, 2);
  await assertEmpty(queue);
  assert.equal(client.pending, 0);
});

Deno.test("a response is stored before its request is in flight no more", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const store = new Map<string, string>();
  const capitals = new Capitals();
  queue.run({
    execute: (requests) => capitals.execute(requests),
    stored: (request, response) => store.set(textOf(request), textOf(response)),
  });
  const job = jobOf("a", { coalesce: HASH, recheck: () => store.has("a") });
  const kinds = new Set<string>();
  for (let turns = 0; turns < 20; turns++) {
    const { kind } = await client.submit(job);
    kinds.add(kind);
  }
  assert.deepEqual([...kinds], ["done", "recheckHit"]);
  assert.deepEqual(capitals.batches, [["a"]]);
});

Deno.test("an executor's error is told as what it is", async (t) => {
  const errors: [unknown, { code: string; message: string }][] = [
    [new OperationError("invalid-argument", "Cannot predict: 3 inputs, 10 coefficients"), {
      code: "invalid-argument",
      message: "Cannot predict: 3 inputs, 10 coefficients",
    }],
    [new TypeError("x is undefined"), { code: "internal", message: "x is undefined" }],
    ["a text", { code: "internal", message: "a text" }],
    [new Error("long".repeat(1000)), { code: "internal", message: "long".repeat(256) }],
    [new Error("漢字".repeat(1000)), { code: "internal", message: "漢字".repeat(170) + "漢" }],
  ];
  for (const [error, { code, message }] of errors) {
    await t.step(message.slice(0, 30), async () => {
      await using queue = new QueueSetUp();
      queue.run({
        execute: () => {
          throw error;
        },
      });
      const outcome = await queue.client().submit(jobOf("a"));
      assert.equal(outcome.kind, "failed");
      if (outcome.kind !== "failed") return;
      assert.deepEqual({ code: outcome.code, message: outcome.message }, { code, message });
      await assertEmpty(queue);
    });
  }
});

Deno.test("a wrong number of responses is a failure that says both", async () => {
  await using queue = new QueueSetUp();
  queue.run({ execute: () => [bytesPayload(new Uint8Array(1)), bytesPayload(new Uint8Array(1))] });
  const outcome = await queue.client().submit(jobOf("a"));
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.code, "internal");
  assert.equal(outcome.message, "Cannot answer a batch: 2 responses for 1 requests");
});

Deno.test("one bad input does not fail those it shares a batch with", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const capitals = new Capitals();
  const jobs = ["a", "bad", "c"].map((text) => client.submit(jobOf(text)));
  queue.run({
    execute: (requests) => {
      const answers = capitals.execute(requests);
      if (requests.some((request) => textOf(request) === "bad")) throw new Error("Bad input");
      return answers;
    },
  }, { maxBatchRows: 8 });
  const outcomes = await Promise.all(jobs);
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["done", "failed", "done"]);
  assert.deepEqual(capitals.batches, [["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
  const sums = JobQueueStatistics.sums(queue.memory);
  const { executions, jobs: through, rows, jobsFailed, done, failed } = sums;
  // The model was called four times; each job counts once, however often it was tried.
  assert.deepEqual([executions, through, rows, jobsFailed, done, failed], [4, 3, 3, 1, 2, 1]);
  assert.deepEqual(sums.batches.map(({ rows, count }) => [rows, count]), [[1, 3]]);
  await assertEmpty(queue);
});

Deno.test("a response that does not fit fails its job with the sizes", async () => {
  await using queue = new QueueSetUp({ arenaBytes: 1024 });
  const client = queue.client();
  queue.run({ execute: (requests) => requests.map(() => bytesPayload(new Uint8Array(1025))) });
  const outcome = await client.submit(jobOf("a"));
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.code, "invalid-argument");
  assert.equal(
    outcome.message,
    "Cannot answer the job: its response has 1025 bytes, the queue has room for 1024 at once",
  );
  await assertEmpty(queue);
});

Deno.test("a response has room in place of its request, when all else is full", async () => {
  await using queue = new QueueSetUp({ arenaBytes: 128 });
  const [client, stored] = [queue.client(), [] as string[]];
  const capitals = new Capitals();
  const jobs = ["a", "b"].map((text) => client.submit(jobOf(text)));
  queue.run({
    execute: (requests) => capitals.execute(requests),
    stored: (request, response) => stored.push(textOf(request) + textOf(response)),
  });
  assert.deepEqual((await Promise.all(jobs)).map(textOfDone), ["A", "B"]);
  assert.deepEqual(stored, ["aA", "bB"]);
  await assertEmpty(queue);
});

Deno.test("a response that cannot be written fails its job", async () => {
  await using queue = new QueueSetUp();
  const response = {
    byteLength: 10,
    writeTo() {
      throw new Error("of the encoder");
    },
  };
  queue.run({ execute: () => [response] });
  const outcome = await queue.client().submit(jobOf("a"));
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.message, "of the encoder");
  await assertEmpty(queue);
});

Deno.test("requests lie where typed arrays can view them", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const offsets: number[] = [];
  queue.run({
    execute: (requests) => {
      for (const { byteOffset } of requests) offsets.push(byteOffset % 64);
      return requests.map((request) => bytesPayload(request.slice()));
    },
  }, { maxBatchRows: 8 });
  await Promise.all([1, 65, 3, 129, 64].map((bytes) => client.submit(jobOf(bytes))));
  assert.deepEqual(offsets, [0, 0, 0, 0, 0]);
});

Deno.test("JobClient.close() lets what is pending end", async () => {
  await using queue = new QueueSetUp();
  const client = queue.client();
  const job = client.submit(jobOf("a"));
  client.close();
  assert.equal(client.pending, 1);
  queue.run(new Capitals());
  assert.equal(textOfDone(await job), "A");
  assert.equal(client.pending, 0);
});
