import { DatabaseSync } from "node:sqlite";
import { OperationError } from "../errors.ts";
import type { ListedRun, RunPage } from "../invocation/run_store.ts";
import { SQLITE_BUSY_MS } from "../limits.ts";
import { parseCursor } from "./cursor.ts";
import type { RunText } from "./run_text.ts";
import { sqliteError } from "./sqlite_error.ts";
import type { StoreOptions } from "./store_options.ts";
import type { TextStore } from "./text_store.ts";

/**
 * Opens a file of runs to read alone, while `openSqliteStore` has it open to write.
 *
 * @throws {OperationError} `unavailable` saying what is wrong with it
 */
export function openSqliteReads(
  path: string,
  options: Pick<StoreOptions, "ttlMs">,
  now: () => number = Date.now,
): SqliteReads {
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: SQLITE_BUSY_MS });
    return new SqliteReads(database, path, options, now);
  } catch (error) {
    throw sqliteError("read runs", path, error);
  }
}

/** What can be read of runs in an SQLite file: always what has been committed last. */
export class SqliteReads implements TextStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #find;
  readonly #list;

  /** @param database it is closed with this one */
  constructor(
    database: DatabaseSync,
    path: string,
    { ttlMs }: Pick<StoreOptions, "ttlMs">,
    now: () => number,
  ) {
    this.#database = database;
    this.#path = path;
    this.#ttlMs = ttlMs ?? Infinity;
    this.#now = now;
    this.#find = database.prepare("SELECT input, output FROM runs WHERE id = ? AND saved_ms > ?");
    this.#list = database.prepare(`
      SELECT sequence, id, saved_ms FROM runs WHERE sequence < ? AND saved_ms > ?
      ORDER BY sequence DESC LIMIT ?
    `);
  }

  save(): Promise<never> {
    return Promise.reject(new TypeError("Reads save nothing"));
  }

  delete(): Promise<never> {
    return Promise.reject(new TypeError("Reads delete nothing"));
  }

  find(id: number): Promise<RunText | undefined> {
    return this.#read(`find run ${id}`, () => {
      const row = this.#find.get(id, this.overSince);
      return row && { id, input: String(row.input), output: String(row.output) };
    });
  }

  list({ after, limit }: RunPage): Promise<readonly ListedRun[]> {
    return this.#read("list runs", () => {
      const before = parseCursor(after) ?? Number.MAX_SAFE_INTEGER;
      return this.#list.all(before, this.overSince, limit).map((row) => ({
        id: Number(row.id),
        savedMs: Number(row.saved_ms),
        cursor: String(row.sequence),
      }));
    });
  }

  check(): Promise<void> {
    return this.#read("read runs", () => void this.#find.get(0, 0));
  }

  close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
    return Promise.resolve();
  }

  /** Runs that were saved by then are told no more. */
  get overSince(): number {
    return this.#ttlMs === Infinity ? Number.MIN_SAFE_INTEGER : this.#now() - this.#ttlMs;
  }

  // Rejects for what SQLite throws.
  // deno-lint-ignore require-await
  async #read<Result>(what: string, read: () => Result): Promise<Result> {
    try {
      return read();
    } catch (error) {
      throw error instanceof OperationError ? error : sqliteError(what, this.#path, error);
    }
  }
}
