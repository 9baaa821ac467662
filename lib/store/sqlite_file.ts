import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OperationError } from "../errors.ts";
import { SQLITE_BUSY_MS, SQLITE_LOG_BYTES_MAX } from "../limits.ts";
import { sqliteError } from "./sqlite_error.ts";
import type { StoreOptions } from "./store_options.ts";

/** Stands in the file's header, so that it is told from other programs' databases: "MSri". */
const APPLICATION_ID = 0x4d53_7269;

/** Of the tables below; a file of a later one is left alone. */
const SCHEMA_VERSION = 1;

/**
 * `sequence` orders saves, and is what a cursor holds. `state` has one row: how many runs there are, counted by
 * triggers as counting them anew takes time with their number, and when the store was last checked.
 */
const SCHEMA = `
  CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE,
    saved_ms INTEGER NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL
  );
  CREATE TABLE state (only_row INTEGER PRIMARY KEY CHECK (only_row = 0), runs INTEGER, checked_ms INTEGER);
  INSERT INTO state VALUES (0, 0, 0);
  CREATE TRIGGER run_added AFTER INSERT ON runs BEGIN UPDATE state SET runs = runs + 1; END;
  CREATE TRIGGER run_removed AFTER DELETE ON runs BEGIN UPDATE state SET runs = runs - 1; END;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Opens a file of runs, made with its folder where it is not there, in WAL mode: what reads does not wait for what
 * writes.
 *
 * @throws {OperationError} `unavailable` saying what is wrong with it: not a database, another program's, of a later
 * version, read-only, locked, on a full disk
 */
export function openSqliteFile(
  path: string,
  { sync, timeoutMs }: Pick<StoreOptions, "sync" | "timeoutMs">,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    Deno.mkdirSync(dirname(resolve(path)), { recursive: true });
    database = new DatabaseSync(path, { timeout: timeoutMs });
    makeOrCheck(path, database);
    database.exec(`
      PRAGMA synchronous = ${sync === "full" ? "FULL" : "NORMAL"};
      PRAGMA temp_store = MEMORY;
      PRAGMA journal_size_limit = ${SQLITE_LOG_BYTES_MAX};
      UPDATE state SET checked_ms = 0;
      PRAGMA busy_timeout = ${SQLITE_BUSY_MS};
    `);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof OperationError) throw error;
    throw sqliteError("keep runs", path, error);
  }
}

/** A file without tables is made ours; nothing is written to another's. */
function makeOrCheck(path: string, database: DatabaseSync): void {
  if (numberOf(database, "SELECT count(*) FROM sqlite_schema") > 0) check(path, database);
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
  if (mode !== "wal") {
    throw wrongFile(path, `its journal mode is ${mode}, needs a file system that can do WAL`);
  }
  database.exec("BEGIN IMMEDIATE");
  // Another server may have been first.
  if (numberOf(database, "SELECT count(*) FROM sqlite_schema") === 0) database.exec(SCHEMA);
  database.exec("COMMIT");
  check(path, database);
}

function check(path: string, database: DatabaseSync): void {
  const id = numberOf(database, "PRAGMA application_id");
  if (id !== APPLICATION_ID) {
    throw wrongFile(path, `it is the database of another program, needs a file of its own`);
  }
  const version = numberOf(database, "PRAGMA user_version");
  if (version !== SCHEMA_VERSION) {
    throw wrongFile(
      path,
      `it has the tables of version ${version}, needs those of ${SCHEMA_VERSION} or a newer server`,
    );
  }
}

function numberOf(database: DatabaseSync, query: string): number {
  return Number(Object.values(database.prepare(query).get() ?? {})[0]);
}

function wrongFile(path: string, problem: string): OperationError {
  return new OperationError("unavailable", `Cannot keep runs in sqlite:${path}: ${problem}`);
}
