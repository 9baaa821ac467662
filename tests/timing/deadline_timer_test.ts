import assert from "node:assert/strict";
import { DeadlineTimer, type Expiring } from "../../lib/timing/deadline_timer.ts";
import { DEADLINE_STEP_MS } from "../../lib/limits.ts";

/** Time that moves only when it is told to, in place of the real one until the end of scope. */
class FakeTime implements Disposable {
  nowMs = 0.25;
  readonly #timers = new Map<number, { readonly atMs: number; readonly run: () => void }>();
  readonly #real = { setTimeout, clearTimeout, now: performance.now };
  #lastId = 0;

  constructor() {
    const set = (run: () => void, delayMs: number) => {
      // Timers of the platform count whole milliseconds.
      this.#timers.set(++this.#lastId, { atMs: this.nowMs + Math.trunc(delayMs), run });
      return this.#lastId;
    };
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = (id) => void this.#timers.delete(Number(id));
    performance.now = () => this.nowMs;
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on to `nowMs`, running what is due on the way. */
  moveTo(nowMs: number): void {
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= nowMs);
      if (due.length === 0) break;
      const [id, { atMs, run }] = due.sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      this.#timers.delete(id);
      // At least a little passes: a timer of no delay does not run in no time.
      this.nowMs = Math.max(this.nowMs + 0.01, atMs);
      run();
    }
    this.nowMs = nowMs;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, {
      setTimeout: this.#real.setTimeout,
      clearTimeout: this.#real.clearTimeout,
    });
    performance.now = this.#real.now;
  }
}

function recorder(time: FakeTime) {
  const toldMs: number[] = [];
  const call: Expiring = { onDeadline: () => toldMs.push(time.nowMs) };
  return { call, toldMs };
}

Deno.test("DeadlineTimer tells every deadline late by a step at most, and never early", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const deadlines = [50, 3, 3, 8, 8.01, 7.99, 0, -5, 1_000, 999.5, 60_000];
  const calls = deadlines.map((deadlineMs) => ({ deadlineMs, ...recorder(time) }));
  for (const { call, deadlineMs } of calls) timer.add(call, deadlineMs);
  time.moveTo(100_000);
  for (const { deadlineMs, toldMs } of calls) {
    assert.equal(toldMs.length, 1, `${deadlineMs} ms`);
    assert.ok(toldMs[0] >= deadlineMs, `${deadlineMs} ms was told at ${toldMs[0]}`);
    assert.ok(toldMs[0] <= Math.max(deadlineMs, 0.25) + DEADLINE_STEP_MS + 1, `${deadlineMs} ms`);
  }
  assert.equal(time.timers, 0);
});

Deno.test("DeadlineTimer.remove() keeps a call from being told", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const [gone, kept] = [recorder(time), recorder(time)];
  const bucket = timer.add(gone.call, 20);
  timer.add(kept.call, 20);
  timer.remove(gone.call, bucket);
  timer.remove(gone.call, bucket);
  time.moveTo(1_000);
  assert.deepEqual([gone.toldMs.length, kept.toldMs.length], [0, 1]);
});

Deno.test("DeadlineTimer sets one timer for thousands of calls", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const { call } = recorder(time);
  for (let i = 0; i < 5_000; i++) timer.remove(call, timer.add(call, 1_000 + i));
  assert.equal(time.timers, 1);
  time.moveTo(20_000);
  assert.equal(time.timers, 0);
});

Deno.test("DeadlineTimer takes a deadline beyond what setTimeout can count", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const { call, toldMs } = recorder(time);
  const deadlineMs = 3 * 2 ** 31;
  timer.add(call, deadlineMs);
  time.moveTo(deadlineMs - 1);
  assert.equal(toldMs.length, 0);
  time.moveTo(deadlineMs + DEADLINE_STEP_MS);
  assert.equal(toldMs.length, 1);
});

Deno.test("DeadlineTimer takes no time for a deadline that never comes", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const { call } = recorder(time);
  timer.remove(call, timer.add(call, Infinity));
  assert.equal(time.timers, 0);
});

Deno.test("A call that is told may add the next deadline", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const second = recorder(time);
  timer.add({ onDeadline: () => timer.add(second.call, time.nowMs + 30) }, 10);
  time.moveTo(1_000);
  assert.equal(second.toldMs.length, 1);
});

Deno.test("DeadlineTimer.close() leaves no timer behind, nor does a deadline added later", () => {
  using time = new FakeTime();
  const timer = new DeadlineTimer();
  const { call, toldMs } = recorder(time);
  timer.add(call, 100);
  timer.close();
  assert.equal(time.timers, 0);
  timer.remove(call, timer.add(call, 50));
  assert.equal(time.timers, 0);
  time.moveTo(1_000);
  assert.deepEqual(toldMs, []);
});
