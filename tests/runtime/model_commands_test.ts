import assert from "node:assert/strict";
import { type ModelCommand, ModelCommands } from "../../lib/runtime/model_commands.ts";

/** Commands, and what was sent of them. */
function start() {
  const sent: [number, ModelCommand][] = [];
  return { sent, commands: new ModelCommands((...command) => sent.push(command)) };
}

const LOAD = { kind: "load", model: "m" } as const;

Deno.test("ModelCommands.run() settles each with its own result", async () => {
  const { sent, commands } = start();
  const index = commands.run({ kind: "index" });
  const load = commands.run(LOAD);
  assert.deepEqual(sent, [[1, { kind: "index" }], [2, LOAD]]);
  commands.settle(2, { kind: "failed", code: "not-found", message: "none" });
  commands.settle(1, { kind: "done", index: [] });
  assert.deepEqual(await index, []);
  await assert.rejects(load, { code: "not-found", message: "none" });
});

Deno.test("ModelCommands.run() waits no longer than its caller, and bounds what is carried out", async () => {
  const { sent, commands } = start();
  const controller = new AbortController();
  const loads = Array.from({ length: 256 }, () => commands.run(LOAD, controller.signal));
  const reason = new Error("the caller is gone");
  controller.abort(reason);
  for (const load of loads) await assert.rejects(load, reason);
  await assert.rejects(commands.run(LOAD, controller.signal), reason);
  assert.equal(sent.length, 256);
  // The main thread is still at them.
  await assert.rejects(commands.run(LOAD), { code: "resource-exhausted" });
  commands.settle(7, { kind: "done", index: [] });
  const last = commands.run(LOAD);
  commands.settle(257, { kind: "done", index: [] });
  await last;
});
