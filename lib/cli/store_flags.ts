import { OperationError } from "../errors.ts";
import type { StoreOptions, StoreSync } from "../store/store_options.ts";
import { parseStoreUrl, type StoreUrl } from "../store/store_url.ts";
import { type Flag, flagValue, type GivenArguments, optionalFlagValue } from "./flag.ts";
import { FILE, type FlagKind, integerFrom, oneOf, secondsFrom } from "./flag_kind.ts";

const MS_PER_SECOND = 1_000;

/** The longest that runs may be kept for, other than for ever: ten years. */
const TTL_SECONDS_MAX = 315_360_000;

/** The most runs that may be asked for: there are no more ids. */
const ROWS_MAX = 2 ** 32;

/** The shortest time for a store: a disk that is busy takes as long. */
const TIMEOUT_SECONDS_MIN = 0.01;

/** The longest: who waits for an answer has given up by then. */
const TIMEOUT_SECONDS_MAX = 300;

/** The store's file in the data folder. */
const FILE_NAME = "invocations.sqlite";

/** What `server` invokes, and where it keeps what came of it. */
export interface StoreFlags {
  readonly store: StoreUrl;
  /** Whether somebody has asked for that store: else the server does without where it cannot be had. */
  readonly storeGiven: boolean;
  readonly storeOptions: StoreOptions;
  readonly invocationModel: string;
}

const STORE: FlagKind<string> = {
  expected: "a store",
  parse: (text) => text === "" ? undefined : text,
};
const MODEL: FlagKind<string> = {
  expected: "the name of a model",
  parse: (text) => text === "" ? undefined : text,
};
const store: Flag<string> = {
  name: "--store",
  placeholder: "url",
  summary: "keep invocations in memory, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT; " +
    `without it in ${FILE_NAME} of --data-dir`,
  kind: STORE,
  variable: "MODELSERVER_STORE",
};
const dataDir: Flag<string> = {
  name: "--data-dir",
  placeholder: "folder",
  summary: "where the server keeps what outlives it; made when it is first needed",
  kind: FILE,
  fallback: "./modelserver-data",
  variable: "MODELSERVER_DATA_DIR",
};
const storeSync: Flag<StoreSync> = {
  name: "--store-sync",
  placeholder: "mode",
  summary: "SQLite: OK means on the disk, or with the operating system",
  kind: oneOf(["full", "normal"]),
  fallback: "full",
  variable: "MODELSERVER_STORE_SYNC",
};
const storeTtl: Flag<number> = {
  name: "--store-ttl",
  placeholder: "seconds",
  summary: "how long invocations are kept, 0 for ever",
  kind: secondsFrom(0, TTL_SECONDS_MAX),
  fallback: "0",
  variable: "MODELSERVER_STORE_TTL",
};
const storeMaxRows: Flag<number> = {
  name: "--store-max-rows",
  placeholder: "count",
  summary: "most invocations kept, the oldest go first; 0 for all",
  kind: integerFrom(0, ROWS_MAX),
  fallback: "0",
  variable: "MODELSERVER_STORE_MAX_ROWS",
};
const storeTimeout: Flag<number> = {
  name: "--store-timeout-seconds",
  placeholder: "seconds",
  summary: "how long the store may take for a call",
  kind: secondsFrom(TIMEOUT_SECONDS_MIN, TIMEOUT_SECONDS_MAX),
  fallback: "5",
  variable: "MODELSERVER_STORE_TIMEOUT_SECONDS",
};
const invocationModel: Flag<string> = {
  name: "--invocation-model",
  placeholder: "name",
  summary: "the model of --models that Invoke runs; mock is built in",
  kind: MODEL,
  fallback: "mock",
  variable: "MODELSERVER_INVOCATION_MODEL",
};

/** The flags of Invocation and of what it is kept in. */
export const STORE_FLAGS: readonly Flag<unknown>[] = [
  invocationModel,
  store,
  dataDir,
  storeSync,
  storeTtl,
  storeMaxRows,
  storeTimeout,
];

/** @throws {OperationError} `invalid-argument` for a store that there is not, or a flag that it has no use for. */
export function readStoreFlags(given: GivenArguments): StoreFlags {
  const url = optionalFlagValue(store, given);
  const path = `${flagValue(dataDir, given)}/${FILE_NAME}`;
  const kept = url === undefined ? undefined : readUrl(url, given);
  const where: StoreUrl = kept ?? { kind: "sqlite", path };
  if (where.kind !== "sqlite") {
    const sync = given.texts.get(storeSync.name);
    if (sync !== undefined) {
      throw wrong(`${sync.source} is given, and ${store.name} is not SQLite`);
    }
  }
  const ttlSeconds = flagValue(storeTtl, given);
  const rowsMax = flagValue(storeMaxRows, given);
  return {
    store: where,
    storeGiven: kept !== undefined,
    storeOptions: {
      sync: flagValue(storeSync, given),
      ttlMs: ttlSeconds === 0 ? undefined : wholeMs(ttlSeconds),
      rowsMax: rowsMax === 0 ? undefined : rowsMax,
      timeoutMs: wholeMs(flagValue(storeTimeout, given)),
    },
    invocationModel: flagValue(invocationModel, given),
  };
}

/** Of 16.1 seconds the product is 16100.000000000002, which neither SQLite nor Redis takes. */
function wholeMs(seconds: number): number {
  return Math.max(1, Math.round(seconds * MS_PER_SECOND));
}

function readUrl(text: string, { texts }: GivenArguments): StoreUrl {
  try {
    return parseStoreUrl(text);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw wrong(`${texts.get(store.name)?.source ?? store.name}: ${error.message}`);
  }
}

function wrong(message: string): OperationError {
  return new OperationError("invalid-argument", message);
}
