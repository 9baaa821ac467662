import assert from "node:assert/strict";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import type { MutexTask } from "./fixtures/mutex_worker.ts";
import { mayStartWorkers, StartedWorker } from "./started_worker.ts";

const WORKER = new URL("./fixtures/mutex_worker.ts", import.meta.url);
const MAIN = 1;

function setUp() {
  const mutexMemory = SharedMutex.allocate();
  const counter = new SharedArrayBuffer(4);
  const mutex = new SharedMutex(mutexMemory, MAIN);
  const start = (owner: number, increments: number, end: MutexTask["end"] = "done") =>
    new StartedWorker(
      WORKER,
      { mutexMemory, owner, counter, increments, end } satisfies MutexTask,
    );
  return { mutex, mutexMemory, counter: new Int32Array(counter), start };
}

/** The mutex's word, found by what holding the lock writes into it. */
function wordOf(mutexMemory: SharedArrayBuffer, mutex: SharedMutex): Int32Array {
  using _ = mutex.acquire();
  const words = new Int32Array(mutexMemory);
  const index = words.indexOf(MAIN);
  return words.subarray(index, index + 1);
}

/** Blocks until a waiter has announced that it sleeps, or is about to, while `owner` holds. */
function waitUntilContended(word: Int32Array, owner: number): void {
  while (Atomics.load(word, 0) !== -owner) Atomics.wait(word, 0, owner, 1);
}

Deno.test("SharedMutex.acquire() returns itself, for using to release", () => {
  const { mutex } = setUp();
  {
    using held = mutex.acquire();
    assert.equal(held, mutex);
    assert.ok(mutex.isHeldBy(MAIN));
    mutex.assertHeld();
  }
  assert.ok(!mutex.isHeldBy(MAIN));
});

Deno.test("SharedMutex is released on a throw", () => {
  const { mutex } = setUp();
  assert.throws(() => {
    using _ = mutex.acquire();
    throw new Error("of the critical section");
  }, /critical section/);
  assert.ok(!mutex.isHeldBy(MAIN));
  mutex.acquire();
  mutex.release();
});

Deno.test("SharedMutex refuses what would break or hang it", async (t) => {
  const { mutex, mutexMemory } = setUp();
  const other = new SharedMutex(mutexMemory, 2);
  await t.step("a release of the free lock", () => {
    assert.throws(() => mutex.release(), { name: "TypeError", message: /nobody holds it/ });
  });
  await t.step("a second release, which leaves the next owner's lock alone", () => {
    mutex.acquire();
    mutex.release();
    other.acquire();
    assert.throws(() => mutex.release(), { name: "TypeError", message: /thread 2 holds it/ });
    assert.ok(other.isHeldBy(2));
    other.release();
  });
  await t.step("a second acquire by the owner, which goes on holding", () => {
    mutex.acquire();
    assert.throws(() => mutex.acquire(), { name: "TypeError", message: /holds it already/ });
    assert.ok(mutex.isHeldBy(MAIN));
    mutex.release();
  });
  await t.step("assertHeld() by a thread that does not hold it", () => {
    assert.throws(() => mutex.assertHeld(), { name: "TypeError", message: /nobody/ });
    using _ = other.acquire();
    assert.throws(() => mutex.assertHeld(), { name: "TypeError", message: /thread 2/ });
  });
  for (const owner of [0, -1, 1.5, NaN, 2 ** 31]) {
    await t.step(`owner ${owner}`, () => {
      assert.throws(() => new SharedMutex(mutexMemory, owner), RangeError);
    });
  }
  await t.step("memory that is not its own", () => {
    assert.throws(() => new SharedMutex(new SharedArrayBuffer(4), 1), RangeError);
  });
});

Deno.test("SharedMutex.isHeldBy() names the owner and nobody else", () => {
  const { mutex, mutexMemory } = setUp();
  const other = new SharedMutex(mutexMemory, 2);
  assert.ok(!other.isHeldBy(0));
  using _ = mutex.acquire();
  assert.ok(other.isHeldBy(MAIN));
  assert.ok(!other.isHeldBy(2));
  assert.ok(!other.isHeldBy(0));
});

Deno.test("SharedMutex.takeOver() moves only the named thread's lock", async (t) => {
  const { mutex, mutexMemory } = setUp();
  const other = new SharedMutex(mutexMemory, 2);
  await t.step("not the free lock", () => {
    assert.ok(!mutex.takeOver(2));
    assert.ok(!mutex.isHeldBy(MAIN));
  });
  await t.step("not that of another, living thread", () => {
    other.acquire();
    assert.ok(!mutex.takeOver(3));
    assert.ok(other.isHeldBy(2));
    other.release();
  });
  await t.step("that of the dead thread, once", () => {
    other.acquire();
    assert.ok(mutex.takeOver(2));
    assert.ok(mutex.isHeldBy(MAIN));
    assert.ok(!mutex.takeOver(2));
    mutex.release();
    assert.ok(!mutex.isHeldBy(MAIN));
  });
  for (const dead of [MAIN, 0, -2, NaN, 2 ** 32 + 2]) {
    await t.step(`not from ${dead}`, () => {
      assert.throws(() => mutex.takeOver(dead), RangeError);
    });
  }
});

Deno.test({
  name: "SharedMutex keeps 4 threads apart, exactly",
  ignore: !mayStartWorkers,
  async fn() {
    const increments = 200_000;
    const { mutex, counter, start } = setUp();
    using stack = new DisposableStack();
    // All of them start waiting first, so that they run at once.
    mutex.acquire();
    const workers = [2, 3, 4, 5].map((owner) => stack.use(start(owner, increments)));
    for (const worker of workers) assert.equal(await worker.next(), "started");
    mutex.release();
    for (const worker of workers) assert.equal(await worker.next(), "done");
    assert.equal(counter[0], 4 * increments);
    assert.ok(!mutex.isHeldBy(2));
  },
});

Deno.test({
  name: "SharedMutex.release() wakes a sleeping thread every time",
  ignore: !mayStartWorkers,
  async fn() {
    const handoffs = 300;
    const { mutex, mutexMemory, counter, start } = setUp();
    const word = wordOf(mutexMemory, mutex);
    using stack = new DisposableStack();
    mutex.acquire();
    const workers = [2, 3, 4, 5].map((owner) => stack.use(start(owner, handoffs)));
    for (const worker of workers) assert.equal(await worker.next(), "started");
    // Every hold of this thread lasts until somebody sleeps, far longer than anybody spins.
    for (let handoff = 0; handoff < handoffs; handoff++) {
      waitUntilContended(word, MAIN);
      mutex.release();
      mutex.acquire();
      if (counter[0] === 4 * handoffs) break;
    }
    mutex.release();
    for (const worker of workers) assert.equal(await worker.next(), "done");
    assert.equal(counter[0], 4 * handoffs);
  },
});

Deno.test({
  name: "SharedMutex recovers from a wake-up that a dying thread swallowed",
  ignore: !mayStartWorkers,
  async fn() {
    const { mutex, mutexMemory, counter, start } = setUp();
    const word = wordOf(mutexMemory, mutex);
    mutex.acquire();
    using worker = start(2, 1);
    assert.equal(await worker.next(), "started");
    waitUntilContended(word, MAIN);
    // What a release does, but for the wake-up.
    Atomics.store(word, 0, 0);
    assert.equal(await worker.next(), "done");
    assert.equal(counter[0], 1);
  },
});

for (const end of ["hold for ever", "close while holding"] as const) {
  Deno.test({
    name: `SharedMutex can be taken over from a dead thread (${end}), and its waiters go on`,
    ignore: !mayStartWorkers,
    async fn() {
      const increments = 1000;
      const { mutex, mutexMemory, counter, start } = setUp();
      const word = wordOf(mutexMemory, mutex);
      using stack = new DisposableStack();
      const doomed = stack.use(start(2, increments, end));
      assert.equal(await doomed.next(), "started");
      assert.equal(await doomed.next(), "holding");
      const waiters = [3, 4].map((owner) => stack.use(start(owner, increments)));
      for (const waiter of waiters) assert.equal(await waiter.next(), "started");
      waitUntilContended(word, 2);
      // It has returned to its event loop, or never will: either way it runs no more of our code.
      doomed.terminate();
      assert.ok(mutex.isHeldBy(2));
      assert.ok(!mutex.takeOver(3), "a living waiter does not hold it");
      assert.ok(mutex.takeOver(2));
      assert.equal(counter[0], increments);
      mutex.release();
      for (const waiter of waiters) assert.equal(await waiter.next(), "done");
      assert.equal(counter[0], 3 * increments);
      assert.ok(!mutex.isHeldBy(3) && !mutex.isHeldBy(4));
    },
  });
}
