import assert from "node:assert/strict";
import { acceptLoop } from "../../lib/grpc/listener.ts";

/** A listener whose accepts fail as a test says, and which then is closed. */
function failing(errors: readonly Error[]) {
  const left = [...errors];
  return {
    accept: () => Promise.reject(left.shift() ?? new Deno.errors.BadResource("closed")),
  };
}

const serve = () => assert.fail("nothing was accepted");

/** Runs `body` with timers that fire at once, and returns how many it set. */
async function countTimers(body: () => Promise<void>): Promise<number> {
  const original = globalThis.setTimeout;
  let count = 0;
  globalThis.setTimeout = ((callback: () => void) => {
    count++;
    queueMicrotask(callback);
    return 0;
  }) as unknown as typeof setTimeout;
  try {
    await body();
  } finally {
    globalThis.setTimeout = original;
  }
  return count;
}

Deno.test("acceptLoop() neither waits nor complains when clients are gone before their turn", async () => {
  const gone = Array.from({ length: 300 }, (_, i) =>
    [
      new Deno.errors.NotConnected("gone"),
      new Deno.errors.ConnectionReset("gone"),
      new Deno.errors.ConnectionAborted("gone"),
    ][i % 3]);
  const timers = await countTimers(() => acceptLoop(failing(gone), serve, serve));
  assert.equal(timers, 0);
});

Deno.test("acceptLoop() tells once of other failures, and waits before each new try", async () => {
  const told: string[] = [];
  const errors = [1, 2, 3].map((i) => new Error(`no descriptors ${i}`));
  const timers = await countTimers(() =>
    acceptLoop(failing(errors), serve, (error) => told.push(String(error)))
  );
  assert.deepEqual(told, ["Error: no descriptors 1"]);
  assert.equal(timers, 3);
});

Deno.test("acceptLoop() ends with its listener", async () => {
  await acceptLoop(failing([]), serve, serve);
});
