import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { CallClaims } from "../../lib/store/call_claims.ts";
import { MemoryStore } from "../../lib/store/memory_store.ts";
import { RemoteStore, type RemoteStoreOptions } from "../../lib/store/remote_store.ts";
import type { RunText } from "../../lib/store/run_text.ts";
import { StoreHost, type StoreThread } from "../../lib/store/store_host.ts";
import type { StoreCommand, StoreReport } from "../../lib/store/store_protocol.ts";
import { StoreServer } from "../../lib/store/store_server.ts";
import type { Begin } from "../../lib/store/text_store.ts";
import { mayServe } from "../support/permissions.ts";
import { runOf } from "./contract.ts";
import { openRemote, STORE_OPTIONS } from "./remote.ts";

/** Saves when it is let, and notes which saves were begun. */
class HeldStore extends MemoryStore {
  readonly #held: (() => void)[] = [];
  readonly begun: number[] = [];
  /** Whether saves are begun before they are held. */
  beginsFirst = false;

  constructor() {
    super({ ttlMs: undefined, rowsMax: undefined });
  }

  override async save(run: RunText, begin: Begin): Promise<void> {
    if (this.beginsFirst) begin();
    await new Promise<void>((resolve) => this.#held.push(resolve));
    if (!this.beginsFirst) begin();
    this.begun.push(run.id);
    await super.save(run, () => {});
  }

  get held(): number {
    return this.#held.length;
  }

  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

/** A remote store whose other end is on this thread too. */
function line(options: Partial<RemoteStoreOptions> = {}) {
  const held = new HeldStore();
  const server = new StoreServer(held);
  let needed = 0;
  const store = new RemoteStore({ timeoutMs: 60_000, need: () => needed++, ...options });
  const join = () => {
    const { port1, port2 } = new MessageChannel();
    const claims = CallClaims.allocate(16);
    server.join({ port: port2, claims });
    store.hear({ type: "storeJoined", port: port1, readPort: undefined, claims });
  };
  const close = async () => {
    held.release();
    await store.close();
    await server.close();
  };
  return { held, store, join, close, needed: () => needed };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

const isError = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof OperationError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

Deno.test("RemoteStore: the first call asks for the store, and waits for it", async () => {
  const { store, join, close, needed } = line({ callsMax: 16 });
  assert.equal(needed(), 0);
  const found = [store.find(1), store.find(2)];
  assert.equal(needed(), 1);
  join();
  assert.deepEqual(await Promise.all(found), [undefined, undefined]);
  await close();
});

Deno.test("RemoteStore: asks for the store once, however long it is down", async () => {
  const { store, close, needed } = line({ callsMax: 16 });
  store.hear({ type: "storeLost", reason: "a test" });
  for (let call = 0; call < 3; call++) {
    await assert.rejects(store.find(1), isError("unavailable", /the store is down: a test$/));
  }
  assert.equal(needed(), 1);
  await close();
});

Deno.test("RemoteStore: what is given up before it is begun never is", async (t) => {
  await t.step("by its signal", async () => {
    const { held, store, join, close } = line({ callsMax: 16 });
    join();
    const stop = new AbortController();
    const saves = [store.save(runOf(1), stop.signal), store.save(runOf(2))];
    await until(() => held.held === 2);
    stop.abort(new Error("the caller is gone"));
    await assert.rejects(saves[0], /the caller is gone/);
    held.release();
    await saves[1];
    assert.deepEqual(held.begun, [2]);
    assert.equal(await store.find(1), undefined);
    await close();
  });
  await t.step("by its deadline", async () => {
    const { held, store, join, close } = line({ callsMax: 16, timeoutMs: 50 });
    join();
    const save = store.save(runOf(1));
    await assert.rejects(
      save,
      isError("deadline-exceeded", /^Cannot save run 1: no answer from the store after 50 ms$/),
    );
    held.release();
    await until(() => held.held === 0);
    assert.equal(await store.find(1), undefined);
    assert.deepEqual(held.begun, []);
    await close();
  });
  await t.step("before it is sent", async () => {
    const { held, store, join, close } = line({ callsMax: 1, timeoutMs: 50 });
    await assert.rejects(
      store.save(runOf(1)),
      isError("deadline-exceeded", /^Cannot save run 1: the store was not open after 50 ms$/),
    );
    join();
    assert.equal(await store.find(1), undefined);
    assert.equal(held.held, 0);
    await close();
  });
  await t.step("by a signal that has been aborted", async () => {
    const { store, close, needed } = line({ callsMax: 1 });
    await assert.rejects(store.save(runOf(1), AbortSignal.abort(new Error("gone"))), /gone/);
    assert.equal(needed(), 0);
    await close();
  });
});

Deno.test("RemoteStore: of what is given up after it was begun the outcome is not known", async () => {
  const { held, store, join, close } = line({ callsMax: 16, timeoutMs: 50 });
  held.beginsFirst = true;
  join();
  await assert.rejects(
    store.save(runOf(1)),
    isError(
      "deadline-exceeded",
      /: no answer from the store after 50 ms; the outcome is not known$/,
    ),
  );
  held.release();
  await until(() => held.begun.length === 1);
  assert.deepEqual(await store.find(1), runOf(1));
  await close();
});

Deno.test("RemoteStore: no more calls than it may have, the abandoned included", async () => {
  const { held, store, join, close } = line({ callsMax: 2, timeoutMs: 50 });
  join();
  const saves = Promise.allSettled([store.save(runOf(1)), store.save(runOf(2))]);
  await assert.rejects(
    store.find(1),
    isError("resource-exhausted", /^Cannot find run 1: 2 calls wait for the store already$/),
  );
  await saves;
  await assert.rejects(store.find(1), isError("resource-exhausted", /2 calls wait/));
  held.release();
  while (!await store.find(1).then(() => true, () => false)) await nextTurn();
  await close();
});

Deno.test("RemoteStore: no more bytes than it may have, save for one run", async () => {
  const { held, store, join, close } = line({ callsMax: 16, callBytesMax: 1_000 });
  join();
  const large = store.save(runOf(1, 0, "x".repeat(5_000)));
  await assert.rejects(
    store.save(runOf(2)),
    isError(
      "resource-exhausted",
      /^Cannot save run 2: [0-9]+ B of runs wait .* has [0-9]+; needs 1000 together/,
    ),
  );
  assert.equal(await store.find(2), undefined);
  await until(() => held.held === 1);
  held.release();
  await large;
  const small = store.save(runOf(2));
  await until(() => held.held === 1);
  held.release();
  await small;
  await close();
});

Deno.test("RemoteStore: a closed one does what was asked for, and nothing else", async () => {
  const { held, store, join, close } = line({ callsMax: 16 });
  join();
  const save = store.save(runOf(1));
  const closed = store.close();
  await assert.rejects(store.find(1), isError("unavailable", /: the store was closed$/));
  await until(() => held.held === 1);
  held.release();
  await Promise.all([save, closed]);
  assert.deepEqual(held.begun, [1]);
  await close();
});

Deno.test({
  name: "StoreHost: what a dead thread had begun is told so, and another one serves",
  ignore: !mayServe,
}, async () => {
  for (const [id, reason] of [[13, /self\.close\(\) was called/], [14, /14 is unlucky/]] as const) {
    const threads: Worker[] = [];
    await using remote = await openRemote({ kind: "memory" }, {}, {
      spawn: () => {
        const url = new URL("./fixtures/dying_thread.ts", import.meta.url);
        threads.push(new Worker(url, { type: "module" }));
        return threads[threads.length - 1] as unknown as StoreThread;
      },
    });
    const { store } = remote;
    await store.save(runOf(1));
    const [waiting, begun, read] = await Promise.allSettled([
      store.save(runOf(12)),
      store.save(runOf(id)),
      store.find(1),
    ]);
    assert.equal(read.status, "fulfilled");
    const { message } = (begun as PromiseRejectedResult).reason;
    assert.match(message, new RegExp(`^Cannot save run ${id}: the store is down: its thread`));
    assert.match(message, reason);
    assert.match(message, /; the outcome is not known$/);
    assert.doesNotMatch((waiting as PromiseRejectedResult).reason.message, /outcome/);
    await assert.rejects(
      store.find(1),
      isError("unavailable", /^Cannot find run 1: the store is down: its/),
    );
    while (!await store.save(runOf(2)).then(() => true, () => false)) await nextTurn();
    assert.deepEqual(await store.find(2), runOf(2));
    assert.equal(threads.length, 2);
    assert.equal(remote.said.length, 3);
  }
});

Deno.test(
  { name: "StoreHost: serves many threads, and those that come later", ignore: !mayServe },
  async () => {
    await using remote = await openRemote({ kind: "memory" });
    const { host } = remote;
    const stores = [1, 2, 3].map(() => {
      const store = new RemoteStore({ timeoutMs: 60_000, need: () => host.need() });
      return { store, leave: host.join((news) => store.hear(news)) };
    });
    await Promise.all(stores.map(({ store }, id) => store.save(runOf(id))));
    for (const { store } of stores) {
      assert.equal((await store.list({ after: undefined, limit: 9 })).length, 3);
    }
    for (const { store, leave } of stores) {
      leave();
      await store.close();
    }
    assert.deepEqual(await remote.store.find(2), runOf(2));
  },
);

Deno.test("StoreHost.close() lets the one thread finish where the other dies", async () => {
  const threads: FakeThread[] = [];
  const host = new StoreHost({
    url: { kind: "sqlite", path: "runs.sqlite" },
    options: STORE_OPTIONS,
    spawn: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread;
    },
    onOpened: () => {},
    onDown: () => assert.fail("it is closed"),
  });
  host.need();
  threads[0].say({ type: "opened" });
  const [writes, reads] = threads;
  reads.say({ type: "opened" });
  const closed = host.close();
  reads.say({ type: "quit", how: "by a test" });
  await nextTurn();
  assert.deepEqual(writes.told, ["open", "close"]);
  assert.equal(writes.isOver, false);
  writes.say({ type: "closed" });
  await closed;
  assert.equal(writes.isOver, true);
});

/** A store's thread that does nothing but what a test has it say. */
class FakeThread implements StoreThread {
  readonly told: string[] = [];
  isOver = false;
  onmessage: StoreThread["onmessage"] = null;
  onerror: StoreThread["onerror"] = null;

  postMessage({ type }: StoreCommand): void {
    this.told.push(type);
  }

  terminate(): void {
    this.isOver = true;
  }

  say(report: StoreReport): void {
    this.onmessage?.(new MessageEvent("message", { data: report }));
  }
}
