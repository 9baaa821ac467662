/**
 * Compares what keeping runs costs: saves per second through the line to the store's thread, with each store, next
 * to the bare store's rate on one thread; and how long finding a run takes while others are saved.
 *
 * The bare rate is of the database alone, with the same rows: SQLite's with a transaction for each row and with one
 * for as many as are in flight, Redis's as one MULTI each. Redis is Debian's `redis-server`, left out where it is not
 * installed; it writes to its disk each second as it does by default, or always.
 */

import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import type { Run } from "../lib/invocation/run.ts";
import { MemoryStore } from "../lib/store/memory_store.ts";
import { RemoteStore } from "../lib/store/remote_store.ts";
import { encodeRun } from "../lib/store/run_text.ts";
import { StoreHost, type StoreThread } from "../lib/store/store_host.ts";
import type { StoreOptions } from "../lib/store/store_options.ts";
import type { StoreUrl } from "../lib/store/store_url.ts";
import { median, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";

const SECONDS = 2;
const ROUNDS = 3;
const AT_ONCE = 64;
const IDS = 20_000;
const CONTENT = "x".repeat(1_000);
const ROWS_MAX = 100_000;

/** Saves of one run, then findings beside them. */
interface Measured {
  readonly savesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A store with its bare rates. */
interface Contender {
  readonly name: string;
  readonly url: StoreUrl;
  readonly options?: Partial<StoreOptions>;
  /** Rows a second: each alone, and `AT_ONCE` together. */
  bare(): Promise<readonly [alone: number, together: number]>;
}

const folder = await Deno.makeTempDir({ prefix: "modelserver-stores-" });
const servers: Deno.ChildProcess[] = [];
try {
  write(
    `${describeMachine()}; runs of ${CONTENT.length} characters, ${AT_ONCE} saves at once, ` +
      `median of ${ROUNDS} rounds of ${SECONDS} s, files in ${folder}\n\n`,
  );
  row([
    "store",
    "bare, one by one",
    `bare, ${AT_ONCE} together`,
    "saves/s",
    "find p50 ms",
    "p99 ms",
  ]);
  row(["---", "--:", "--:", "--:", "--:", "--:"]);
  for (const contender of await contenders()) {
    const bare: (readonly [number, number])[] = [];
    const rounds: Measured[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await contender.bare());
      rounds.push(await measure(contender));
    }
    row([
      contender.name,
      median(bare.map(([alone]) => alone)).toFixed(0),
      median(bare.map(([, together]) => together)).toFixed(0),
      median(rounds.map(({ savesPerSecond }) => savesPerSecond)).toFixed(0),
      median(rounds.map(({ p50Ms }) => p50Ms)).toFixed(2),
      median(rounds.map(({ p99Ms }) => p99Ms)).toFixed(2),
    ]);
  }
} finally {
  for (const server of servers) {
    server.kill();
    await server.status;
  }
  await Deno.remove(folder, { recursive: true });
}

async function contenders(): Promise<readonly Contender[]> {
  const sqlite = (["full", "normal"] as const).map((sync): Contender => ({
    name: `sqlite, sync ${sync}`,
    url: { kind: "sqlite", path: `${folder}/${sync}.sqlite` },
    options: { sync },
    bare: () => bareSqlite(`${folder}/bare-${sync}.sqlite`, sync),
  }));
  const redis: Contender[] = [];
  for (const fsync of ["everysec", "always"]) {
    const port = await startRedis(fsync);
    if (port === undefined) continue;
    const nobody = { username: undefined, password: undefined };
    redis.push({
      name: `redis, appendfsync ${fsync}`,
      url: { kind: "redis", tls: false, host: "127.0.0.1", port, ...nobody },
      bare: () => bareRedis(port),
    });
  }
  return [{ name: "memory", url: { kind: "memory" }, bare: bareMemory }, ...sqlite, ...redis];
}

/** Saves from this thread through the line, with and without somebody who finds. */
async function measure({ url, options }: Contender): Promise<Measured> {
  const whole = { sync: "full", ttlMs: undefined, rowsMax: ROWS_MAX, timeoutMs: 30_000 } as const;
  const host = new StoreHost({
    url,
    options: { ...whole, ...options },
    spawn: (permissions) =>
      new Worker(new URL("../store_thread.ts", import.meta.url), {
        type: "module",
        deno: { permissions },
      }) as unknown as StoreThread,
    onOpened: () => {},
    onDown: (_store, reason) => write(`${reason}\n`),
  });
  const store = new RemoteStore({ timeoutMs: whole.timeoutMs, need: () => host.need() });
  host.join((news) => store.hear(news));
  await store.check();
  await saveFor(store, 0.2 * SECONDS);
  const savesPerSecond = await saveFor(store, SECONDS);
  const times: number[] = [];
  await Promise.all([saveFor(store, SECONDS), findFor(store, SECONDS, times)]);
  await store.close();
  await host.close();
  times.sort((a, b) => a - b);
  const quantile = (share: number) => times[Math.floor(share * times.length)] ?? NaN;
  return { savesPerSecond, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

async function saveFor(store: RemoteStore, seconds: number): Promise<number> {
  const startMs = performance.now();
  let saved = 0;
  let number = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() - startMs < seconds * 1_000) {
      await store.save(runOf(number++ % IDS));
      saved++;
    }
  }));
  return saved / (performance.now() - startMs) * 1_000;
}

/** One after the other, with a pause: what a reader waits for, not what readers do to each other. */
async function findFor(store: RemoteStore, seconds: number, times: number[]): Promise<void> {
  const endMs = performance.now() + seconds * 1_000;
  for (let id = 0; performance.now() < endMs; id++) {
    const startMs = performance.now();
    await store.find(id % IDS);
    times.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function bareMemory(): Promise<readonly [number, number]> {
  const store = new MemoryStore({ ttlMs: undefined, rowsMax: ROWS_MAX });
  const rate = await rateOf(1, async (number) => {
    await store.save(encodeRun(runOf(number % IDS)), () => {});
  });
  return [rate, rate];
}

async function bareSqlite(path: string, sync: string): Promise<readonly [number, number]> {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${sync};
    CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, input TEXT, output TEXT);
  `);
  const insert = database.prepare("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)");
  const save = (number: number) => {
    const { id, input, output } = encodeRun(runOf(number % IDS));
    insert.run(id, input, output);
  };
  const alone = await rateOf(1, save);
  const together = await rateOf(AT_ONCE, (number) => {
    database.exec("BEGIN IMMEDIATE");
    for (let one = 0; one < AT_ONCE; one++) save(number + one);
    database.exec("COMMIT");
  });
  database.close();
  return [alone, together];
}

async function bareRedis(port: number): Promise<readonly [number, number]> {
  const client = new Redis({ host: "127.0.0.1", port, protocol: 2 });
  const save = async (number: number) => {
    const { id, input, output } = encodeRun(runOf(number % IDS));
    await client.multi().select(0).set(String(id), input).select(1).set(String(id), output).exec();
  };
  const alone = await rateOf(1, save);
  const together = await rateOf(AT_ONCE, async (number) => {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, one) => save(number + one)));
  });
  client.disconnect();
  return [alone, together];
}

/** @param rows how many each call saves @returns rows a second */
async function rateOf(
  rows: number,
  save: (number: number) => void | Promise<void>,
): Promise<number> {
  const startMs = performance.now();
  let number = 0;
  for (; performance.now() - startMs < 500 * SECONDS; number += rows) await save(number);
  return number / (performance.now() - startMs) * 1_000;
}

/** @returns its port; undefined where there is no Redis to start */
async function startRedis(fsync: string): Promise<number | undefined> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await Deno.mkdir(`${folder}/${fsync}`);
  try {
    servers.push(
      new Deno.Command("redis-server", {
        args: [
          ...["--port", String(port), "--bind", "127.0.0.1", "--dir", `${folder}/${fsync}`],
          ...["--save", "", "--appendonly", "yes", "--appendfsync", fsync],
        ],
        stdout: "null",
      }).spawn(),
    );
    return port;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

function runOf(id: number): Run {
  return {
    input: { id, content: CONTENT, metadata: [{ key: "kind", value: "benchmark" }] },
    output: { id: 1, metadata: [{ key: "accuracy", value: "0.9" }] },
  };
}

function row(texts: readonly string[]): void {
  write(`| ${texts.join(" | ")} |\n`);
}
