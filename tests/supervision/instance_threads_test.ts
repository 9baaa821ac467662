import assert from "node:assert/strict";
import { INSTANCE_THREADS_IDLE_MAX } from "../../lib/limits.ts";
import type { InstanceHandle } from "../../lib/supervision/instance.ts";
import { InstanceThreads } from "../../lib/supervision/instance_threads.ts";

class FakeThread implements InstanceHandle {
  onmessage: InstanceHandle["onmessage"] = null;
  onerror: InstanceHandle["onerror"] = null;
  giveBack?: () => void;
  terminated = false;

  postMessage(): void {}

  terminate(): void {
    this.terminated = true;
  }
}

const READS = (folder: string): Deno.PermissionOptionsObject => ({ read: [folder] });

Deno.test("InstanceThreads gives a thread again to who may do the same, and to nobody else", () => {
  const threads = new InstanceThreads(() => new FakeThread());
  const first = threads.take("onnx", READS("a"));
  const second = threads.take("onnx", READS("a"));
  assert.notEqual(first, second);
  first.giveBack?.();
  assert.notEqual(threads.take("onnx", READS("b")), first);
  assert.equal(threads.take("mlp", READS("a")), first);
  assert.notEqual(threads.take("mlp", READS("a")), first);
});

Deno.test("InstanceThreads gives no thread of a script again", () => {
  const threads = new InstanceThreads(() => new FakeThread());
  assert.equal(threads.take("script", READS("a")).giveBack, undefined);
});

Deno.test("InstanceThreads gives no thread that has died while it waited", () => {
  const threads = new InstanceThreads(() => new FakeThread());
  const thread = threads.take("pipeline", {});
  thread.giveBack?.();
  thread.onerror?.(new ErrorEvent("error", { cancelable: true }));
  assert.notEqual(threads.take("pipeline", {}), thread);
});

Deno.test("InstanceThreads keeps no more than it may, and ends the one that has waited longest", () => {
  const threads = new InstanceThreads(() => new FakeThread());
  const taken = Array.from(
    { length: INSTANCE_THREADS_IDLE_MAX + 1 },
    () => threads.take("pipeline", {}) as FakeThread,
  );
  for (const thread of taken) thread.giveBack?.();
  assert.deepEqual(taken.map(({ terminated }) => terminated), [
    true,
    ...Array<boolean>(INSTANCE_THREADS_IDLE_MAX).fill(false),
  ]);
});
