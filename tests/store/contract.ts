import assert from "node:assert/strict";
import fc from "fast-check";
import type { Run } from "../../lib/invocation/run.ts";
import type { ListedRun, RunStore } from "../../lib/invocation/run_store.ts";
import { OperationError } from "../../lib/errors.ts";

/** What a store is opened with for a test. */
export interface ContractOptions {
  readonly ttlMs?: number;
  readonly rowsMax?: number;
}

/** A store of a test's own; empty, and gone with it. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: RunStore;
}

/** What a store may do in its own way. */
export interface ContractVariant {
  open(options?: ContractOptions): Promise<OpenedStore>;
  /** Lets time pass by for the store's own clock; without it, ages are not tested. */
  readonly passMs?: (ms: number) => Promise<void> | void;
}

/** Runs of the property test. */
const PROPERTY_RUNS = 20;

/** A run; `number` tells it from others under the same id, in its input and in its output. */
export function runOf(id: number, number = 0, content = `content ${number}`): Run {
  return {
    input: { id, content, metadata: [{ key: "run", value: String(number) }] },
    output: { id: 1, metadata: [{ key: "run", value: String(number) }] },
  };
}

/** Registers what holds for every store. */
export function testContract(
  name: string,
  { open, passMs }: ContractVariant,
  ignore = false,
): void {
  const test = (title: string, fn: (open: ContractVariant["open"]) => Promise<void>) =>
    Deno.test({ name: `${name}: ${title}`, ignore, fn: () => fn(open) });

  test("finds what was saved, and nothing else", async (open) => {
    await using opened = await open();
    const { store } = opened;
    await store.check();
    assert.equal(await store.find(7), undefined);
    await store.save(runOf(7));
    assert.deepEqual(await store.find(7), runOf(7));
    assert.equal(await store.find(8), undefined);
  });

  test("keeps every id and every text as it is", async (open) => {
    await using opened = await open();
    const texts = ["", "\0a\0", "\ud800 \udc00 ü 漢 🙂", '"\\\n\u2028', "x".repeat(1_000_000)];
    for (const id of [0, -1, 2_147_483_647, -2_147_483_648]) {
      for (const text of texts) {
        const run: Run = {
          input: { id, content: text, metadata: [{ key: text.slice(0, 99), value: "" }] },
          output: { id: -id | 0, metadata: [{ key: "", value: text }, { key: "", value: "" }] },
        };
        await opened.store.save(run);
        assert.deepEqual(await opened.store.find(id), run);
      }
    }
  });

  test("keeps the last run of an id, input and output of the same run", async (open) => {
    await using opened = await open();
    const { store } = opened;
    const saves = Array.from({ length: 200 }, (_, number) => store.save(runOf(number % 2, number)));
    const seen = Promise.all(Array.from({ length: 100 }, () => store.find(0)));
    const [runs] = await Promise.all([seen, ...saves]);
    for (const run of runs) {
      assert.deepEqual(run?.input.metadata, run?.output.metadata);
    }
    assert.deepEqual(await store.find(0), runOf(0, 198));
    assert.deepEqual(await store.find(1), runOf(1, 199));
    assert.equal((await store.list({ after: undefined, limit: 10 })).length, 2);
  });

  test("deletes what is there, and says whether there was any", async (open) => {
    await using opened = await open();
    const { store } = opened;
    await store.save(runOf(1));
    await store.save(runOf(2));
    assert.equal(await store.delete(1), true);
    assert.equal(await store.delete(1), false);
    assert.equal(await store.find(1), undefined);
    assert.deepEqual(ids(await store.list({ after: undefined, limit: 10 })), [2]);
    await store.save(runOf(1, 1));
    assert.deepEqual(await store.find(1), runOf(1, 1));
  });

  test("lists newest first, page by page, while others save", async (open) => {
    await using opened = await open();
    const { store } = opened;
    const beforeMs = Date.now();
    for (let id = 0; id < 25; id++) await store.save(runOf(id));
    await store.save(runOf(3, 1));
    const first = await store.list({ after: undefined, limit: 10 });
    assert.deepEqual(ids(first), [3, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
    for (const { savedMs } of first) {
      // A clock may be set, though not by as much.
      assert.ok(Math.abs(savedMs - beforeMs) < 60_000, `saved at ${savedMs}`);
    }
    await store.save(runOf(100));
    await store.delete(first[9].id);
    const second = await store.list({ after: first[9].cursor, limit: 10 });
    assert.deepEqual(ids(second), [15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
    const third = await store.list({ after: second[9].cursor, limit: 10 });
    assert.deepEqual(ids(third), [5, 4, 2, 1, 0]);
    assert.deepEqual(await store.list({ after: third[4].cursor, limit: 10 }), []);
    assert.deepEqual(await store.list({ after: undefined, limit: 0 }), []);
  });

  test("refuses what is no cursor", async (open) => {
    await using opened = await open();
    for (const after of ["", "-1", "1.5", "x", "9".repeat(100), "1:", "' OR 1=1"]) {
      await assert.rejects(
        opened.store.list({ after, limit: 1 }),
        (error) =>
          error instanceof OperationError && error.code === "invalid-argument" &&
          /^Cannot list runs after ".*": it is no cursor, needs one/.test(error.message),
      );
    }
  });

  test("keeps no more runs than it may, the newest", async (open) => {
    await using opened = await open({ rowsMax: 5 });
    const { store } = opened;
    for (let id = 0; id < 20; id++) await store.save(runOf(id));
    await store.save(runOf(16, 1));
    await store.save(runOf(99));
    await settled(store, 5);
    const kept = await store.list({ after: undefined, limit: 100 });
    assert.deepEqual(ids(kept), [99, 16, 19, 18, 17]);
    assert.equal(await store.find(15), undefined);
    assert.deepEqual(await store.find(16), runOf(16, 1));
  });

  test("tells nothing of runs that are over", async (open) => {
    if (passMs === undefined) return;
    await using opened = await open({ ttlMs: 1_000 });
    const { store } = opened;
    await store.save(runOf(1));
    await store.save(runOf(2));
    await passMs(600);
    await store.save(runOf(2, 1));
    assert.deepEqual(await store.find(1), runOf(1));
    await passMs(600);
    assert.equal(await store.find(1), undefined);
    assert.deepEqual(ids(await store.list({ after: undefined, limit: 9 })), [2]);
    assert.equal(await store.delete(1), false);
    assert.deepEqual(await store.find(2), runOf(2, 1));
  });

  test("does what was asked for before it closes", async (open) => {
    await using opened = await open();
    const saves = Array.from({ length: 50 }, (_, id) => opened.store.save(runOf(id)));
    const closed = opened.store.close();
    await Promise.all([...saves, closed]);
  });

  test("is a map by id, ordered by the last save", async (open) => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant("save" as const), id: fc.integer({ min: 0, max: 8 }) }),
      fc.record({ kind: fc.constant("delete" as const), id: fc.integer({ min: 0, max: 8 }) }),
      fc.record({ kind: fc.constant("find" as const), id: fc.integer({ min: 0, max: 8 }) }),
      fc.record({ kind: fc.constant("list" as const), id: fc.integer({ min: 1, max: 4 }) }),
    );
    await using opened = await open();
    const { store } = opened;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        for (let id = 0; id <= 8; id++) await store.delete(id);
        const model = new Map<number, Run>();
        for (const [number, { kind, id }] of commands.entries()) {
          if (kind === "save") {
            model.delete(id);
            model.set(id, runOf(id, number));
            await store.save(runOf(id, number));
          } else if (kind === "delete") {
            assert.equal(await store.delete(id), model.delete(id));
          } else if (kind === "find") {
            assert.deepEqual(await store.find(id), model.get(id));
          } else {
            assert.deepEqual(await all(store, id), [...model.keys()].reverse());
          }
        }
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
}

/** Ids of all runs, newest first, by pages of a size. */
async function all(store: RunStore, limit: number): Promise<readonly number[]> {
  const found: number[] = [];
  let after: string | undefined;
  while (true) {
    const page = await store.list({ after, limit });
    found.push(...ids(page));
    if (page.length < limit) return found;
    after = page[page.length - 1].cursor;
  }
}

/** Waits for a store that removes what is too much soon after the save rather than with it. */
async function settled(store: RunStore, rows: number): Promise<void> {
  while ((await store.list({ after: undefined, limit: rows + 1 })).length > rows) {
    await store.check();
  }
}

function ids(runs: readonly ListedRun[]): readonly number[] {
  return runs.map(({ id }) => id);
}
