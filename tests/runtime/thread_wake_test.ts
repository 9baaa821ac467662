import assert from "node:assert/strict";
import { allocateThreadWakes, openThreadWakes, ThreadWake } from "../../lib/runtime/thread_wake.ts";
import { turn } from "./queue_setup.ts";

function setUp() {
  const memory = allocateThreadWakes(2);
  const wake = new ThreadWake(memory, 1);
  let woken = 0;
  const registration = wake.register(() => woken++);
  return { memory, wake, registration, tell: openThreadWakes(memory), woken: () => woken };
}

/** How many wait on the word now: what `Atomics.notify` would wake. */
function sleepers(memory: SharedArrayBuffer): number {
  return Atomics.notify(new Int32Array(memory), 16);
}

Deno.test("ThreadWake wakes the armed, again and again, by one wait", async () => {
  const { memory, registration, tell, woken } = setUp();
  registration.arm();
  for (let round = 1; round <= 3; round++) {
    tell(1);
    await turn();
    assert.equal(woken(), round);
  }
  tell(0);
  await turn();
  assert.equal(woken(), 3);
  assert.equal(sleepers(memory), 1);
  registration.close();
});

Deno.test("ThreadWake hears of what comes while the queues look", async () => {
  const { memory, wake, registration, tell } = setUp();
  let rounds = 0;
  const other = wake.register(() => {
    if (rounds++ < 5) tell(1);
  });
  other.arm();
  tell(1);
  while (rounds < 6) await turn();
  other.close();
  registration.close();
  await turn();
  assert.equal(sleepers(memory), 0);
});

Deno.test("ThreadWake waits for nothing while nobody is armed", async () => {
  const { memory, wake, registration, tell, woken } = setUp();
  const other = wake.register(() => {});
  assert.equal(sleepers(memory), 0);
  registration.arm();
  other.arm();
  registration.disarm();
  await turn();
  assert.equal(sleepers(memory), 1);
  other.disarm();
  await turn();
  assert.equal(sleepers(memory), 0);
  tell(1);
  await turn();
  assert.equal(woken(), 0);
  registration.arm();
  tell(1);
  await turn();
  assert.equal(woken(), 1);
  registration.close();
  registration.close();
  other.close();
});

Deno.test("ThreadWake refuses a thread that is none", () => {
  for (const thread of [-1, 2, 0.5]) {
    assert.throws(() => new ThreadWake(allocateThreadWakes(2), thread), RangeError);
  }
});
