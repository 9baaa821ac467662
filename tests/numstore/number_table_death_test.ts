import assert from "node:assert/strict";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { NumberTable } from "../../lib/numstore/number_table.ts";
import { openDying } from "../lock/dying_views.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import type { DyingStoreTask } from "./fixtures/dying_store_worker.ts";
import { contentOf } from "./number_table_content.ts";

const SURVIVOR = 1;
const VICTIM = 2;
const LIMITS = { keys: 3, bytes: 64 };
/** More than any of the steps below writes: the test ends when a step lives through it. */
const WRITES_MAX = 1_000;

class Died extends Error {}

const encoder = new TextEncoder();
const key = (text: string) => encoder.encode(text);

/** What the victim was doing when it died, after the table was filled. */
const STEPS: Record<string, (table: NumberTable) => void> = {
  "set() of a new key": (table) => void table.set(key("a longer key than the others"), -7n),
  "set() of another number": (table) => void table.set(key("A"), 2n ** 62n),
  "set() to 0": (table) => void table.set(key("A"), 0n),
  "recover()": (table) => table.recover(),
};

const FILLS: Record<string, (table: NumberTable) => void> = {
  "an empty table": () => {},
  "one key": (table) => void table.set(key("A"), 3n),
  "two keys": (table) => {
    table.set(key("A"), 3n);
    table.set(key("B"), 4n);
  },
  "one key, set often": (table) => {
    for (const value of [1n, 2n, 3n]) table.set(key("A"), value);
  },
};

/** Runs the step until the victim dies at its nth write; undefined if it lived. */
function dieAt(
  write: number,
  fill: (table: NumberTable) => void,
  step: (table: NumberTable) => void,
) {
  const mutexMemory = SharedMutex.allocate();
  const memory = NumberTable.allocate(LIMITS);
  const mutex = new SharedMutex(mutexMemory, SURVIVOR);
  const table = new NumberTable(memory, mutex);
  {
    using _ = mutex.acquire();
    fill(table);
  }
  const before = contentOf(memory);
  const victimMutex = new SharedMutex(mutexMemory, VICTIM);
  let writes = 0;
  const victim = openDying(() => {
    if (writes++ === write) throw new Died();
  }, () => new NumberTable(memory, victimMutex));
  victimMutex.acquire();
  try {
    step(victim);
  } catch (error) {
    if (error instanceof Died) return { mutex, memory, table, before };
    throw error;
  }
  return undefined;
}

/** What the table holds after a step that was lived through. */
function afterOf(fill: (table: NumberTable) => void, step: (table: NumberTable) => void) {
  const memory = NumberTable.allocate(LIMITS);
  const table = new NumberTable(memory, new SharedMutex(SharedMutex.allocate(), 1).acquire());
  fill(table);
  step(table);
  return contentOf(memory);
}

const textOf = (content: ReadonlyMap<string, bigint>) =>
  [...content].map(([name, value]) => `${name}=${value}`).sort().join();

Deno.test("NumberTable.recover() makes a set whole or undone, whatever write it died at", async (t) => {
  for (const [fillName, fill] of Object.entries(FILLS)) {
    for (const [stepName, step] of Object.entries(STEPS)) {
      await t.step(`${stepName}, ${fillName}`, () => {
        const after = afterOf(fill, step);
        const seen = new Set<string>();
        let deaths = 0;
        for (; deaths < WRITES_MAX; deaths++) {
          const dead = dieAt(deaths, fill, step);
          if (dead === undefined) break;
          assert.ok(dead.mutex.takeOver(VICTIM));
          dead.table.recover();
          const found = textOf(contentOf(dead.memory));
          assert.ok([dead.before, after].map(textOf).includes(found), `${deaths}: ${found}`);
          seen.add(found);
          assertUsable(dead);
        }
        assert.ok(deaths < WRITES_MAX, `${deaths} deaths`);
        // Both outcomes occur, or the test would prove little.
        if (stepName.startsWith("set")) {
          assert.deepEqual([...seen].sort(), [textOf(dieBefore(fill)), textOf(after)].sort());
        }
      });
    }
  }
});

function dieBefore(fill: (table: NumberTable) => void): ReadonlyMap<string, bigint> {
  return afterOf(fill, () => {});
}

type Dead = NonNullable<ReturnType<typeof dieAt>>;

/** Fills the table to its bounds: nothing that a dead thread took is lost. */
function assertUsable({ table, memory, mutex }: Dead): void {
  const { keys } = table;
  for (let index = keys; index < LIMITS.keys; index++) table.set(key(`new ${index}`), 5n);
  assert.equal(table.keys, LIMITS.keys);
  assert.throws(() => table.set(key("one too many"), 5n), /at most 3 allowed/);
  for (const [name] of contentOf(memory)) table.set(key(name), 6n);
  assert.equal(table.total, BigInt(6 * LIMITS.keys));
  contentOf(memory);
  mutex.release();
}

Deno.test({
  name: "NumberTable survives threads that really die at each write of a set",
  ignore: !mayStartWorkers,
}, async () => {
  const mutexMemory = SharedMutex.allocate();
  const memory = NumberTable.allocate({ keys: 100, bytes: 4_096 });
  const mutex = new SharedMutex(mutexMemory, SURVIVOR);
  const table = new NumberTable(memory, mutex);
  const file = new URL("./fixtures/dying_store_worker.ts", import.meta.url);
  const outcomes = new Set<unknown>();
  let said: unknown;
  for (let writes = 0; said !== "set to the end"; writes++) {
    const task: DyingStoreTask = { mutexMemory, memory, owner: VICTIM + writes, writes };
    using worker = new StartedWorker(file, task);
    said = await worker.next();
    const died = mutex.takeOver(task.owner);
    assert.equal(died, said === "dying");
    if (!died) mutex.acquire();
    table.recover();
    const content = contentOf(memory);
    const name = `key of ${task.owner}`;
    assert.ok([undefined, BigInt(task.owner)].includes(content.get(name)));
    outcomes.add(content.has(name));
    mutex.release();
    assert.ok(writes < 100, "it never lives");
  }
  assert.deepEqual([...outcomes].sort(), [false, true]);
});
