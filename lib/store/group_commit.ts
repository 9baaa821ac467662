import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { OperationError } from "../errors.ts";
import { SQLITE_BUSY_MS, SQLITE_COMMIT_BYTES_MAX, SQLITE_COMMIT_CHANGES_MAX } from "../limits.ts";
import { isFull, isLocked, sqliteError } from "./sqlite_error.ts";
import type { Begin } from "./text_store.ts";

/** A change of the database, as it is asked for. */
export interface ChangeParts<Result> {
  /** For messages: `save run 7`. */
  readonly what: string;
  /** What it will take to write. */
  readonly bytes: number;
  readonly begin: Begin;
  /** One statement: where it fails, nothing of it is there. */
  apply(): Result;
}

/** What groups are committed with. */
export interface GroupCommitParts {
  readonly database: DatabaseSync;
  readonly path: string;
  /** How long a change may wait for another process's lock. */
  readonly lockWaitMs: number;
  /** Runs in each transaction before its changes, and after them with their number. */
  onBegin(): void;
  onEnd(changes: number): void;
}

/** A change that waits. Results are of many types, of which its own caller knows. */
interface Change {
  readonly parts: ChangeParts<unknown>;
  readonly askedMs: number;
  readonly settled: PromiseWithResolvers<unknown>;
  begun: boolean;
}

/** What a change came to, once its transaction is committed. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * Changes of a database in as few transactions as possible: all that were asked for while one was committed are the
 * next one, so that one wait for the disk serves them all.
 *
 * A change that fails alone leaves the others in place. Where the transaction fails, each is tried in one of its own,
 * unless it may have been committed: then nobody knows. While another process has the lock, this thread does other
 * things.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #begin;
  readonly #commit;
  readonly #rollback;
  #waiting: Change[] = [];
  #scheduled = false;

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
    this.#begin = parts.database.prepare("BEGIN IMMEDIATE");
    this.#commit = parts.database.prepare("COMMIT");
    this.#rollback = parts.database.prepare("ROLLBACK");
  }

  /**
   * Resolves when the change is committed.
   *
   * @throws {OperationError} `unavailable` saying what is wrong with the database; what `begin` throws
   */
  add<Result>(parts: ChangeParts<Result>): Promise<Result> {
    const settled = Promise.withResolvers<unknown>();
    this.#waiting.push({ parts, askedMs: performance.now(), settled, begun: false });
    this.#schedule();
    return settled.promise as Promise<Result>;
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // After what has arrived by now.
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    const group = this.#takeGroup();
    try {
      this.#begin.run();
    } catch (error) {
      if (isLocked(error)) return this.#waitForLock(group);
      for (const { parts, settled } of group) {
        settled.reject(sqliteError(parts.what, this.#parts.path, error));
      }
      return this.#schedule();
    }
    this.#commitGroup(group);
    this.#schedule();
  }

  #takeGroup(): Change[] {
    let bytes = 0;
    const full = this.#waiting.findIndex(({ parts }, index) => {
      bytes += parts.bytes;
      return index === SQLITE_COMMIT_CHANGES_MAX || (index > 0 && bytes > SQLITE_COMMIT_BYTES_MAX);
    });
    return this.#waiting.splice(0, full === -1 ? this.#waiting.length : full);
  }

  #waitForLock(group: Change[]): void {
    const nowMs = performance.now();
    const { lockWaitMs, path } = this.#parts;
    this.#waiting = [...group, ...this.#waiting].filter(({ askedMs, parts, settled }) => {
      if (nowMs - askedMs < lockWaitMs) return true;
      const problem = `another process has held its lock for ${Math.round(nowMs - askedMs)} ms`;
      settled.reject(
        new OperationError("unavailable", `Cannot ${parts.what} in sqlite:${path}: ${problem}`),
      );
      return false;
    });
    if (this.#waiting.length === 0) return;
    this.#scheduled = true;
    setTimeout(() => this.#run(), SQLITE_BUSY_MS);
  }

  /** In the transaction that has begun. */
  #commitGroup(group: Change[]): void {
    let outcomes: Outcome[];
    try {
      outcomes = this.#applyAll(group);
    } catch (error) {
      this.#undo();
      if (group.length === 1) return this.#fail(group, error, "");
      return this.#commitEach(group);
    }
    try {
      this.#commit.run();
    } catch (error) {
      this.#undo();
      if (isFull(error) && group.length > 1) return this.#commitEach(group);
      return this.#fail(group, error, isFull(error) ? "" : "; the outcome is not known");
    }
    group.forEach(({ settled }, index) => {
      const outcome = outcomes[index];
      if ("error" in outcome) settled.reject(outcome.error);
      else settled.resolve(outcome.value);
    });
  }

  /** @throws what has ended the transaction */
  #applyAll(group: readonly Change[]): Outcome[] {
    this.#parts.onBegin();
    const outcomes = group.map((change) => this.#apply(change));
    this.#parts.onEnd(group.length);
    return outcomes;
  }

  #apply(change: Change): Outcome {
    const { begin, what, apply } = change.parts;
    try {
      if (!change.begun) begin();
      change.begun = true;
    } catch (error) {
      return { error };
    }
    try {
      return { value: apply() };
    } catch (error) {
      // A full disk may be too full for this one alone, or have ended the transaction.
      if (!this.#parts.database.isTransaction || isFull(error)) throw error;
      return { error: sqliteError(what, this.#parts.path, error) };
    }
  }

  #commitEach(group: readonly Change[]): void {
    for (const change of group) {
      try {
        this.#begin.run();
      } catch (error) {
        this.#fail([change], error, "");
        continue;
      }
      this.#commitGroup([change]);
    }
  }

  #undo(): void {
    if (this.#parts.database.isTransaction) this.#rollback.run();
  }

  #fail(group: readonly Change[], error: unknown, outcome: string): void {
    for (const { parts, settled } of group) {
      const { code, message } = sqliteError(parts.what, this.#parts.path, error);
      settled.reject(new OperationError(code, message + outcome, { cause: error }));
    }
  }
}
