import assert from "node:assert/strict";
import { HealthState } from "../../lib/services/health_state.ts";

function serving(): HealthState {
  const state = new HealthState();
  state.set("", "SERVING");
  state.set("A", "SERVING");
  return state;
}

Deno.test("A watch tells the status now and every change, and no status twice", async () => {
  const state = serving();
  const watch = state.watch("A", new AbortController().signal);
  assert.deepEqual(await watch.next(), { done: false, value: "SERVING" });
  const change = watch.next();
  state.set("B", "NOT_SERVING");
  state.set("A", "SERVING");
  state.set("A", "NOT_SERVING");
  assert.equal((await change).value, "NOT_SERVING");
  state.set("A", "UNKNOWN");
  assert.equal((await watch.next()).value, "UNKNOWN");
  await watch.return();
});

Deno.test("A watch that is slower than the changes tells the last one", async () => {
  const state = serving();
  const watch = state.watch("A", new AbortController().signal);
  await watch.next();
  for (const status of ["NOT_SERVING", "UNKNOWN", "SERVING", "NOT_SERVING"] as const) {
    state.set("A", status);
  }
  assert.equal((await watch.next()).value, "NOT_SERVING");
  await watch.return();
});

Deno.test("A watch of an unknown service is open until the service is known", async () => {
  const state = serving();
  const watch = state.watch("B", new AbortController().signal);
  assert.equal((await watch.next()).value, "SERVICE_UNKNOWN");
  const change = watch.next();
  state.set("B", "SERVING");
  assert.equal((await change).value, "SERVING");
  await watch.return();
});

Deno.test("A watch leaves nothing behind, however it ends", async () => {
  const state = serving();
  const aborter = new AbortController();
  const waiting = state.watch("A", aborter.signal);
  await waiting.next();
  const next = waiting.next();
  const told = state.watch("A", aborter.signal);
  await told.next();
  const returned = state.watch("A", new AbortController().signal);
  await returned.next();
  assert.equal(state.watcherCount, 3);
  aborter.abort();
  assert.equal((await next).done, true);
  assert.equal((await told.next()).done, true);
  await returned.return();
  const late = state.watch("A", aborter.signal);
  assert.equal((await late.next()).done, true);
  assert.equal(state.watcherCount, 0);
});

Deno.test("A drain makes all statuses NOT_SERVING for good, and each watch ends with it", async () => {
  const state = serving();
  const { signal } = new AbortController();
  const known = state.watch("A", signal);
  const unknown = state.watch("B", signal);
  await Promise.all([known.next(), unknown.next()]);
  const change = known.next();
  const end = unknown.next();
  state.drain();
  state.set("A", "SERVING");
  state.set("C", "SERVING");
  assert.deepEqual(Object.fromEntries(state.statuses), { "": "NOT_SERVING", A: "NOT_SERVING" });
  assert.equal((await change).value, "NOT_SERVING");
  assert.equal((await known.next()).done, true);
  assert.equal((await end).done, true);
  const late = await Array.fromAsync(state.watch("", signal));
  assert.deepEqual(late, ["NOT_SERVING"]);
  assert.equal(state.watcherCount, 0);
});
