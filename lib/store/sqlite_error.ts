import { OperationError } from "../errors.ts";

/** What SQLite says, by its own words: `exec` tells no number. Source: sqlite3_errstr. */
const REASONS: readonly (readonly [said: string, reason: string])[] = [
  ["database is locked", "another process holds its lock, needs to let go of it"],
  ["attempt to write a readonly database", "it is read-only, needs to be writable with its folder"],
  ["database or disk is full", "the disk is full"],
  ["unable to open database file", "it cannot be opened, needs a folder that may be written"],
  ["file is not a database", "it is not an SQLite database"],
  ["database disk image is malformed", "it is damaged"],
  ["disk I/O error", "the disk cannot be read or written"],
];

/** Whether another connection was in the way, and may be gone the next time. */
export function isLocked(error: unknown): boolean {
  return textOf(error).includes("database is locked");
}

/** Whether SQLite has no room; then nothing of what was to be written is there. */
export function isFull(error: unknown): boolean {
  return textOf(error).includes("database or disk is full");
}

/**
 * What of SQLite's failure the caller is told.
 *
 * @param what could not be done: `save run 7`
 * @returns `unavailable`, with SQLite's own words as the cause
 */
export function sqliteError(what: string, path: string, error: unknown): OperationError {
  const said = textOf(error);
  const reason = REASONS.find(([words]) => said.includes(words))?.[1] ?? said;
  const message = `Cannot ${what} in sqlite:${path}: ${reason}`;
  return new OperationError("unavailable", message, { cause: error });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
