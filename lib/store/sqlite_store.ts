import type { DatabaseSync } from "node:sqlite";
import { OperationError } from "../errors.ts";
import type { ListedRun, RunPage } from "../invocation/run_store.ts";
import { SQLITE_FAULT_MS, SQLITE_SWEEP_MS, SQLITE_SWEPT_MAX } from "../limits.ts";
import { GroupCommit } from "./group_commit.ts";
import type { RunText } from "./run_text.ts";
import { openSqliteFile } from "./sqlite_file.ts";
import { SqliteReads } from "./sqlite_reads.ts";
import type { StoreOptions } from "./store_options.ts";
import type { Begin, TextStore } from "./text_store.ts";

/** Of the wait for an answer, this much is a wait for a lock at most: the rest is to tell of it. */
const LOCK_SHARE = 0.8;

/** @throws {OperationError} `unavailable` as `openSqliteFile` does */
export function openSqliteStore(
  path: string,
  options: StoreOptions,
  now: () => number = Date.now,
): SqliteStore {
  return new SqliteStore(openSqliteFile(path, options), path, options, now);
}

/**
 * Runs in an SQLite file, each a row with its input and its output.
 *
 * Whoever writes does so in groups (`GroupCommit`). Runs that are over, and the oldest beyond `rowsMax`, are removed
 * with each group, a few more than came in, and in between while there are such. The file keeps its size, and uses
 * again what is free in it. Several servers may share one.
 *
 * Cost: a group waits for the disk once with `sync` "full"; logarithmic in the number of runs.
 */
export class SqliteStore implements TextStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #file: Deno.FileInfo;
  readonly #commits: GroupCommit;
  readonly #reads: SqliteReads;
  readonly #rowsMax: number;
  readonly #now: () => number;
  readonly #statements;
  readonly #sweeper: ReturnType<typeof setInterval>;
  readonly #changes = new Set<Promise<unknown>>();
  #sequence = 0;
  #closing = false;
  /** Why the last save failed, and when on `performance.now()`. */
  #fault: { readonly error: unknown; readonly atMs: number } | undefined;

  /** @param database from `openSqliteFile`; it is this store's from now on */
  constructor(database: DatabaseSync, path: string, options: StoreOptions, now: () => number) {
    this.#database = database;
    this.#path = path;
    this.#file = Deno.statSync(path);
    this.#rowsMax = options.rowsMax ?? Infinity;
    this.#now = now;
    this.#statements = prepare(database);
    this.#reads = new SqliteReads(database, path, options, now);
    this.#commits = new GroupCommit({
      database,
      path,
      lockWaitMs: LOCK_SHARE * options.timeoutMs,
      onBegin: () => {
        this.#assertInPlace();
        this.#sequence = Number(this.#statements.last.get()?.sequence ?? 0);
      },
      onEnd: (changes) => this.#retain(2 * changes + SQLITE_SWEPT_MAX),
    });
    this.#sweeper = setInterval(() => this.#sweep(), SQLITE_SWEEP_MS);
  }

  async save({ id, input, output }: RunText, begin: Begin): Promise<void> {
    const bytes = 2 * (input.length + output.length);
    try {
      await this.#change(`save run ${id}`, bytes, begin, () => {
        this.#statements.save.run(++this.#sequence, id, this.#now(), input, output);
      });
      this.#fault = undefined;
    } catch (error) {
      if (error instanceof OperationError && error.code === "unavailable") {
        this.#fault = { error, atMs: performance.now() };
      }
      throw error;
    }
  }

  find(id: number): Promise<RunText | undefined> {
    return this.#reads.find(id);
  }

  delete(id: number, begin: Begin): Promise<boolean> {
    return this.#change(`delete run ${id}`, 0, begin, () => {
      return Number(this.#statements.delete.run(id, this.#reads.overSince).changes) > 0;
    });
  }

  list(page: RunPage): Promise<readonly ListedRun[]> {
    return this.#reads.list(page);
  }

  /**
   * By writing: a full disk can be read, and so can a file that was removed. What it writes is little and may fit
   * where a run does not, so that for a while it rejects as the last save did.
   */
  async check(): Promise<void> {
    if (this.#fault !== undefined && performance.now() - this.#fault.atMs < SQLITE_FAULT_MS) {
      throw this.#fault.error;
    }
    await this.#change("keep runs", 0, () => {}, () => this.#statements.check.run(this.#now()));
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    // What is too much may be millions of runs: whoever opens the file next goes on with it.
    this.#closing = true;
    while (this.#changes.size > 0) await Promise.allSettled(this.#changes);
    await this.#reads.close();
  }

  async #change<Result>(
    what: string,
    bytes: number,
    begin: Begin,
    apply: () => Result,
  ): Promise<Result> {
    const change = this.#commits.add({ what, bytes, begin, apply });
    this.#changes.add(change);
    try {
      return await change;
    } finally {
      this.#changes.delete(change);
    }
  }

  /** Removes runs that are over and too many, oldest first; in a transaction. @param most it may remove */
  #retain(most: number): void {
    const { oldest, removeOver, count, removeOldest } = this.#statements;
    if (this.#isOver(Number(oldest.get()?.saved_ms ?? Infinity))) {
      removeOver.run(most, this.#reads.overSince);
    }
    const tooMany = Number(count.get()?.runs ?? 0) - this.#rowsMax;
    if (tooMany > 0) removeOldest.run(Math.min(tooMany, most));
  }

  /** A file that nobody finds any more could be written nonetheless, and would be gone with this process. */
  #assertInPlace(): void {
    const { ino, dev } = this.#file;
    const found = statOrNothing(this.#path);
    if (found?.ino === ino && found.dev === dev) return;
    const problem = found === undefined ? "it was removed" : "there is another file in its place";
    throw new Error(`${problem}, needs the server to be restarted`);
  }

  #isOver(savedMs: number): boolean {
    return savedMs <= this.#reads.overSince;
  }

  /** In the background, what saves have left: it may fail, as a save would, which will say so. */
  #sweep(): void {
    if (this.#closing || this.#changes.size > 0) return;
    const { oldest, count } = this.#statements;
    try {
      const isDue = this.#isOver(Number(oldest.get()?.saved_ms ?? Infinity)) ||
        Number(count.get()?.runs ?? 0) > this.#rowsMax;
      if (!isDue) return;
    } catch {
      return;
    }
    this.#change("remove old runs", 0, () => {}, () => {}).then(() => this.#sweep(), () => {});
  }
}

function statOrNothing(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

function prepare(database: DatabaseSync) {
  return {
    last: database.prepare("SELECT max(sequence) AS sequence FROM runs"),
    save: database.prepare(`
      INSERT INTO runs (sequence, id, saved_ms, input, output) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, saved_ms = excluded.saved_ms,
        input = excluded.input, output = excluded.output
    `),
    delete: database.prepare("DELETE FROM runs WHERE id = ? AND saved_ms > ?"),
    check: database.prepare("UPDATE state SET checked_ms = ?"),
    oldest: database.prepare("SELECT saved_ms FROM runs ORDER BY sequence LIMIT 1"),
    count: database.prepare("SELECT runs FROM state"),
    removeOver: database.prepare(`
      DELETE FROM runs WHERE sequence IN (SELECT sequence FROM runs ORDER BY sequence LIMIT ?)
        AND saved_ms <= ?
    `),
    removeOldest: database.prepare(`
      DELETE FROM runs WHERE sequence IN (SELECT sequence FROM runs ORDER BY sequence LIMIT ?)
    `),
  };
}
