import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { NumStore } from "../../lib/numstore/num_store.ts";
import { Counters } from "../../lib/serving/counters.ts";
import {
  allocateSharedMemory,
  cacheCounters,
  openSharedState,
} from "../../lib/serving/shared_state.ts";
import type { LoadSample } from "../../lib/serving/load.ts";
import { type PoolStore, type ThreadHandle, ThreadPool } from "../../lib/serving/thread_pool.ts";
import { HeldIntervals } from "../support/held_intervals.ts";
import { NO_MODEL_EVENTS, noModels } from "../support/no_models.ts";
import { LENIENT } from "../support/running_pool.ts";
import type {
  ThreadCommand,
  ThreadReport,
  ThreadStart,
} from "../../lib/serving/thread_protocol.ts";

/** A thread that does what a test tells it to. */
class FakeThread implements ThreadHandle {
  onmessage: ((event: MessageEvent<ThreadReport>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly commands: ThreadCommand[] = [];
  readonly transferred: Transferable[] = [];
  terminated = false;

  postMessage(command: ThreadCommand, transfer: Transferable[] = []): void {
    this.commands.push(command);
    this.transferred.push(...transfer);
  }

  terminate(): void {
    this.terminated = true;
  }

  get start(): ThreadStart {
    const [first] = this.commands;
    assert.ok(first?.type === "start");
    return first;
  }

  report(data: ThreadReport): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  die(message: string): void {
    this.onerror?.(new ErrorEvent("error", { message, cancelable: true }));
  }
}

const MEMORY_LIMITS = { threads: 3, cacheEntries: 4, cacheBytes: 4_096, coefsMax: 4 };

/** A machine that stands still until a test says otherwise. */
const STILL: LoadSample = { atMs: 0, usedMs: 0, idleMs: 0 };

/** Remembers who has joined, in order, and how often it was needed. */
class FakeStore implements PoolStore {
  readonly members: Parameters<PoolStore["join"]>[0][] = [];
  needed = 0;

  need(): void {
    this.needed++;
  }

  join(tell: Parameters<PoolStore["join"]>[0]): () => void {
    this.members.push(tell);
    return () => this.members.splice(this.members.indexOf(tell), 1);
  }
}

interface PoolOptions {
  readonly port?: number;
  readonly initialThreads?: number;
  readonly sampleLoad?: () => LoadSample;
}

function newPool({ port = 0, initialThreads = 3, sampleLoad = () => STILL }: PoolOptions = {}) {
  const threads: FakeThread[] = [];
  const deaths: [number, string, boolean][] = [];
  const handlerErrors: string[] = [];
  const joined: [number, number][] = [];
  const spawned: (() => void)[] = [];
  const memory = allocateSharedMemory(MEMORY_LIMITS);
  const store = new FakeStore();
  const storeTold: string[] = [];
  const pool = new ThreadPool({
    spawn: () => {
      const thread = new FakeThread();
      threads.push(thread);
      spawned.shift()?.();
      return thread;
    },
    threads: 3,
    initialThreads,
    sampleLoad,
    memory,
    hostname: "127.0.0.1",
    port,
    messageBytesMax: 1_024,
    connections: LENIENT,
    ...noModels(3),
    store,
    events: {
      ...NO_MODEL_EVENTS,
      onStoreFails: (reason) => storeTold.push(`fails: ${reason}`),
      onStoreWorks: () => storeTold.push("works"),
      onThreadDied: (owner, message, recovered) => deaths.push([owner, message, recovered]),
      onThreadJoined: (owner, serving) => joined.push([owner, serving]),
      onHandlerError: (path, error) => handlerErrors.push(`${path}: ${error}`),
      onAcceptFailed: (owner, message) => handlerErrors.push(`accept ${owner}: ${message}`),
    },
  });
  const nextSpawn = () => new Promise<void>((resolve) => spawned.push(resolve));
  return { pool, threads, deaths, joined, handlerErrors, memory, store, storeTold, nextSpawn };
}

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

async function startedPool() {
  const parts = newPool();
  const starting = parts.pool.start();
  parts.threads[0].report({ type: "listening", port: 7_000 });
  await settle();
  for (const thread of parts.threads.slice(1)) thread.report({ type: "listening", port: 7_000 });
  assert.equal(await starting, 7_000);
  return parts;
}

Deno.test("ThreadPool.start() lets the first thread choose the port that all share", async () => {
  const { pool, threads } = await startedPool();
  assert.deepEqual(
    threads.map(({ start: { port, owner, row, sharePort, probePort } }) => (
      { port, owner, row, sharePort, probePort }
    )),
    [
      { port: 0, owner: 2, row: 1, sharePort: true, probePort: true },
      { port: 7_000, owner: 3, row: 2, sharePort: true, probePort: false },
      { port: 7_000, owner: 4, row: 3, sharePort: true, probePort: false },
    ],
  );
  pool.terminate();
  assert.ok(threads.every(({ terminated }) => terminated));
});

Deno.test("ThreadPool.start() rejects and stops all when one cannot listen", async (t) => {
  for (const failing of [0, 2]) {
    await t.step(`thread ${failing}`, async () => {
      const { pool, threads, deaths } = newPool({ port: 80 });
      const starting = pool.start();
      if (failing > 0) {
        threads[0].report({ type: "listening", port: 80 });
        await settle();
      }
      threads[failing].report({ type: "listenFailed", message: "the port is in use" });
      await assert.rejects(
        starting,
        (error) => error instanceof OperationError && error.message === "the port is in use",
      );
      assert.ok(threads.every(({ terminated }) => terminated));
      assert.deepEqual(deaths, []);
    });
  }
});

Deno.test("ThreadPool replaces a thread that dies, under a new owner, in its row", async () => {
  const { pool, threads, deaths, memory, nextSpawn } = await startedPool();
  const replaced = nextSpawn();
  threads[1].die("boom");
  await replaced;
  assert.deepEqual(deaths, [[3, "boom", false]]);
  const { owner, row, port, probePort } = threads[3].start;
  assert.deepEqual({ owner, row, port, probePort }, {
    owner: 5,
    row: 2,
    port: 7_000,
    probePort: false,
  });
  assert.equal(Counters.sums(memory.counters).threadsReplaced, 0);
  threads[3].report({ type: "listening", port: 7_000 });
  assert.equal(Counters.sums(memory.counters).threadsReplaced, 1);
  pool.terminate();
});

Deno.test("ThreadPool replaces a thread that dies while others are still starting", async () => {
  const { pool, threads, deaths, nextSpawn } = newPool();
  const starting = pool.start();
  threads[0].report({ type: "listening", port: 7_000 });
  await settle();
  const replaced = nextSpawn();
  threads[0].die("boom");
  await replaced;
  assert.deepEqual(deaths, [[2, "boom", false]]);
  assert.equal(threads[3].start.row, 1);
  for (const thread of threads.slice(1)) thread.report({ type: "listening", port: 7_000 });
  assert.equal(await starting, 7_000);
  pool.terminate();
});

/** A pool of which one thread serves and two are spare. */
async function poolWithSpares(sampleLoad = () => STILL) {
  const parts = newPool({ initialThreads: 1, sampleLoad });
  const starting = parts.pool.start();
  parts.threads[0].report({ type: "listening", port: 7_000 });
  await starting;
  return parts;
}

Deno.test("ThreadPool.start() lets the initial threads alone serve", async () => {
  const { pool, threads } = await poolWithSpares();
  assert.deepEqual(threads.map(({ commands }) => commands.length), [1, 0, 0]);
  assert.equal(pool.servingThreads, 1);
  const draining = pool.drain(60_000);
  assert.deepEqual(threads.map(({ commands }) => commands.length), [2, 0, 0]);
  threads[0].report({ type: "drained" });
  assert.equal(await draining, true);
  assert.ok(threads.every(({ terminated }) => terminated));
});

Deno.test("ThreadPool lets one spare thread a round join while load asks for it", async () => {
  using rounds = new HeldIntervals();
  let sample = STILL;
  const { pool, threads, joined } = await poolWithSpares(() => sample);
  const busy = () => {
    const { atMs, usedMs, idleMs = 0 } = sample;
    sample = { atMs: atMs + 1_000, usedMs: usedMs + 2_500, idleMs: idleMs + 900 };
  };
  rounds.fire();
  assert.deepEqual(joined, []);
  busy();
  rounds.fire();
  assert.deepEqual(joined, [[3, 2]]);
  assert.equal(threads[1].start.port, 7_000);
  rounds.fire();
  busy();
  rounds.fire();
  assert.deepEqual(joined, [[3, 2], [4, 3]]);
  busy();
  rounds.fire();
  assert.equal(joined.length, 2);
  pool.terminate();
});

Deno.test("ThreadPool puts a spare thread in a dead one's place, and starts another spare", async () => {
  const { pool, threads, memory, nextSpawn } = await poolWithSpares();
  const spawned = nextSpawn();
  threads[0].die("boom");
  assert.equal(threads[1].start.probePort, false);
  threads[1].report({ type: "listening", port: 7_000 });
  assert.equal(Counters.sums(memory.counters).threadsReplaced, 1);
  await spawned;
  await settle();
  assert.equal(threads[3].commands.length, 0);
  assert.equal(pool.servingThreads, 1);
  pool.terminate();
});

Deno.test("ThreadPool replaces a spare thread that dies by another", async () => {
  const { pool, threads, deaths, nextSpawn } = await poolWithSpares();
  const spawned = nextSpawn();
  threads[2].die("boom");
  await spawned;
  await settle();
  assert.equal(threads[3].commands.length, 0);
  assert.deepEqual(deaths, [[4, "boom", false]]);
  pool.terminate();
});

Deno.test("ThreadPool.terminate() ends a start that waits", async () => {
  const { pool, threads } = newPool();
  const starting = pool.start();
  pool.terminate();
  await assert.rejects(starting, /the server was stopped/);
  assert.ok(threads.every(({ terminated }) => terminated));
});

Deno.test("ThreadPool frees a dead thread's lock and resets what it may have broken", async () => {
  const { pool, threads, deaths, memory, nextSpawn } = await startedPool();
  const dying = openSharedState(memory, threads[2].start.owner);
  dying.mutex.acquire();
  dying.cache.put(Uint8Array.of(1), Uint8Array.of(2), dying.cache.epoch);
  const replaced = nextSpawn();
  threads[2].die("killed while it held the lock");
  await replaced;
  assert.deepEqual(deaths.map(([, , recovered]) => recovered), [true]);
  assert.equal(cacheCounters(pool.state).entries, 0);
  pool.terminate();
});

Deno.test("ThreadPool frees NumStore's lock from a dead thread, and keeps its numbers", async () => {
  const { pool, threads, deaths, memory, nextSpawn } = await startedPool();
  const living = new NumStore(openSharedState(memory, threads[0].start.owner).numStore);
  living.setNum("A", 5n);
  living.fact("A");
  const dying = openSharedState(memory, threads[2].start.owner);
  dying.numStore.mutex.acquire();
  const replaced = nextSpawn();
  threads[2].die("killed while it held the lock");
  await replaced;
  assert.deepEqual(deaths.map(([, , recovered]) => recovered), [true]);
  assert.deepEqual(living.fact("A"), { value: 120n, hit: false });
  assert.equal(living.setNum("B", 1n), 6n);
  pool.terminate();
});

Deno.test("ThreadPool leaves the lock to a living thread when another dies", async () => {
  const { pool, threads, deaths, memory } = await startedPool();
  const living = openSharedState(memory, threads[0].start.owner);
  living.mutex.acquire();
  threads[2].die("boom");
  assert.deepEqual(deaths.map(([, , recovered]) => recovered), [false]);
  living.mutex.release();
  pool.terminate();
});

Deno.test("ThreadPool.drain() waits for every thread", async () => {
  const { pool, threads } = await startedPool();
  const draining = pool.drain(60_000);
  assert.ok(threads.every(({ commands }) => commands.at(-1)?.type === "drain"));
  for (const thread of threads) thread.report({ type: "drained" });
  assert.equal(await draining, true);
});

Deno.test("ThreadPool.drain() cuts off what takes too long", async () => {
  const { pool, threads } = await startedPool();
  const draining = pool.drain(1);
  threads[0].report({ type: "drained" });
  assert.equal(await draining, false);
  assert.ok(threads.every(({ terminated }) => terminated));
});

Deno.test("ThreadPool.drain() replaces nobody, and tells of a thread whose calls were lost", async () => {
  const { pool, threads, deaths } = await startedPool();
  const draining = pool.drain(60_000);
  threads[0].die("boom");
  threads[1].report({ type: "drained" });
  threads[2].report({ type: "drained" });
  assert.equal(await draining, false);
  assert.equal(threads.length, 3);
  assert.deepEqual(deaths, [[2, "boom", false]]);
});

Deno.test("ThreadPool tells of handlers' bugs and of failed accepts", async () => {
  const { pool, threads, handlerErrors } = await startedPool();
  threads[0].report({ type: "handlerError", path: "/A/B", error: "TypeError" });
  threads[1].report({ type: "acceptFailed", message: "no descriptors" });
  assert.deepEqual(handlerErrors, ["/A/B: TypeError", "accept 3: no descriptors"]);
  pool.terminate();
});

const CREDENTIALS = { keyPair: { cert: "cert", key: "key" } };

Deno.test("ThreadPool.renew() gives credentials to all threads, and tells which cannot use them", async () => {
  const { pool, threads } = await startedPool();
  const renewing = pool.renew(CREDENTIALS);
  for (const { commands } of threads) {
    assert.deepEqual(commands.at(-1), { type: "renew", credentials: CREDENTIALS });
  }
  threads[0].report({ type: "renewed" });
  threads[1].report({ type: "renewFailed", message: "no descriptors" });
  threads[2].report({ type: "renewed" });
  assert.deepEqual(await renewing, ["no descriptors"]);
  pool.terminate();
});

Deno.test("ThreadPool.renew() does not wait for a thread that dies, and its replacement starts with the new", async () => {
  const { pool, threads, nextSpawn } = await startedPool();
  const renewing = pool.renew(CREDENTIALS);
  const replaced = nextSpawn();
  threads[0].report({ type: "renewed" });
  threads[1].die("boom");
  threads[2].report({ type: "renewed" });
  assert.deepEqual(await renewing, []);
  await replaced;
  assert.deepEqual(threads[0].start.credentials, {});
  assert.deepEqual(threads[3].start.credentials, CREDENTIALS);
  pool.terminate();
});

Deno.test("ThreadPool tells threads of the store while they serve, and asks for it when they do", async () => {
  const { pool, threads, store, storeTold, nextSpawn } = await poolWithSpares();
  assert.equal(store.members.length, 1);
  threads[0].report({ type: "storeNeeded" });
  assert.equal(store.needed, 1);
  const { port1, port2 } = new MessageChannel();
  const claims = new SharedArrayBuffer(4);
  const joined = { type: "storeJoined", port: port1, readPort: undefined, claims } as const;
  store.members[0](joined, [port1]);
  assert.deepEqual(threads[0].commands.slice(1), [joined]);
  assert.deepEqual(threads[0].transferred, [port1]);
  for (const port of [port1, port2]) port.close();

  // A spare takes the place of one that dies, and is told from then on.
  const replaced = nextSpawn();
  threads[0].die("boom");
  await replaced;
  assert.equal(store.members.length, 1);
  store.members[0]({ type: "storeLost", reason: "gone" }, []);
  assert.deepEqual(threads[1].commands.slice(1), [{ type: "storeLost", reason: "gone" }]);
  threads[1].report({ type: "storeFails", reason: "gone" });
  threads[1].report({ type: "storeWorks" });
  assert.deepEqual(storeTold, ["fails: gone", "works"]);

  const draining = pool.drain(60_000);
  assert.equal(store.members.length, 1, "calls in flight still need it");
  threads[1].report({ type: "drained" });
  await draining;
  assert.deepEqual(store.members, []);
});
