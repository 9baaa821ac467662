import assert from "node:assert/strict";
import { EXIT_SUCCESS, EXIT_USAGE } from "../../lib/cli/parse_outcome.ts";
import { parseServerFlags, type ServerFlags } from "../../lib/cli/server_flags.ts";
import { VERSION } from "../../lib/cli/version.ts";

const STORE_OPTIONS: ServerFlags["storeOptions"] = {
  sync: "full",
  ttlMs: undefined,
  rowsMax: undefined,
  timeoutMs: 5_000,
};

const DEFAULTS: ServerFlags = {
  host: "0.0.0.0",
  port: 5440,
  threads: 4,
  initialThreads: "auto",
  cacheEntries: 10,
  cacheBytes: 67_108_864,
  numStoreKeys: 65_536,
  numStoreBytes: 16_777_216,
  numStoreCacheEntries: 10,
  maxMessageBytes: 4_194_304,
  maxConnections: 16_384,
  maxStreams: 100,
  keepaliveMs: 60_000,
  idleMs: 1_800_000,
  connectionAgeMs: Infinity,
  drainMs: 5000,
  logFormat: "text",
  httpPort: 8080,
  httpPortGiven: false,
  pipelineWorkers: 0,
  pipelineQueue: 1_024,
  store: { kind: "sqlite", path: "./modelserver-data/invocations.sqlite" },
  storeGiven: false,
  storeOptions: STORE_OPTIONS,
  invocationModel: "mock",
};

/** Redis where a URL says no more than the host. */
const REDIS = {
  kind: "redis",
  tls: false,
  host: "cache",
  port: 6379,
  username: undefined,
  password: undefined,
} as const;

const NO_VARIABLES = () => undefined;

function variables(values: Readonly<Record<string, string>>): (name: string) => string | undefined {
  return (name) => values[name];
}

function usageError(message: string) {
  const stderr = `server: ${message}\nUsage: server [options]\nTry: server --help\n`;
  return { kind: "exit", code: EXIT_USAGE, stdout: "", stderr };
}

const RIGHT: readonly (readonly [flag: string, text: string, flags: Partial<ServerFlags>])[] = [
  ["host", "127.0.0.1", { host: "127.0.0.1" }],
  ["host", "localhost", { host: "localhost" }],
  ["host", "model_server.internal", { host: "model_server.internal" }],
  ["host", "::1", { host: "::1" }],
  ["port", "0", { port: 0 }],
  ["port", "65535", { port: 65_535 }],
  ["threads", "1", { threads: 1 }],
  ["threads", "256", { threads: 256 }],
  ["initial-threads", "2", { initialThreads: 2 }],
  ["initial-threads", "auto", { initialThreads: "auto" }],
  ["cache-entries", "1", { cacheEntries: 1 }],
  ["cache-entries", "16777216", { cacheEntries: 16_777_216 }],
  ["cache-bytes", "4096", { cacheBytes: 4096 }],
  ["cache-bytes", "5KiB", { cacheBytes: 5120 }],
  ["cache-bytes", "3MiB", { cacheBytes: 3_145_728 }],
  ["cache-bytes", "4GiB", { cacheBytes: 4_294_967_296 }],
  ["numstore-keys", "1", { numStoreKeys: 1 }],
  ["numstore-keys", "16777216", { numStoreKeys: 16_777_216 }],
  ["numstore-bytes", "4KiB", { numStoreBytes: 4_096 }],
  ["numstore-bytes", "4GiB", { numStoreBytes: 4_294_967_296 }],
  ["numstore-cache-entries", "1", { numStoreCacheEntries: 1 }],
  ["numstore-cache-entries", "21", { numStoreCacheEntries: 21 }],
  ["max-message-bytes", "1024", { maxMessageBytes: 1024 }],
  ["max-message-bytes", "1GiB", { maxMessageBytes: 1_073_741_824 }],
  ["max-connections", "1", { maxConnections: 1 }],
  ["max-streams", "65535", { maxStreams: 65_535 }],
  ["keepalive-seconds", "0", { keepaliveMs: Infinity }],
  ["keepalive-seconds", "1.5", { keepaliveMs: 1_500 }],
  ["idle-seconds", "0", { idleMs: Infinity }],
  ["max-connection-age-seconds", "60", { connectionAgeMs: 60_000 }],
  ["drain-seconds", "0", { drainMs: 0 }],
  ["drain-seconds", "0.25", { drainMs: 250 }],
  ["drain-seconds", "3600", { drainMs: 3_600_000 }],
  ["log-format", "json", { logFormat: "json" }],
  ["log-format", "text", { logFormat: "text" }],
  ["log-dir", "l", { logFile: { folder: "l", bytesMax: 10_485_760, filesMax: 5 } }],
  ["auth-token-file", "tokens", { authTokenFile: "tokens" }],
  ["admin-token-file", "tokens", { adminTokenFile: "tokens" }],
  ["http-port", "0", { httpPort: 0, httpPortGiven: true }],
  ["http-port", "off", { httpPort: undefined, httpPortGiven: true }],
  ["pipeline-workers", "0", { pipelineWorkers: 0 }],
  ["pipeline-workers", "256", { pipelineWorkers: 256 }],
  ["invocation-model", "faces", { invocationModel: "faces" }],
  ["store", "memory", { store: { kind: "memory" }, storeGiven: true }],
  ["store", "sqlite:a.db", { store: { kind: "sqlite", path: "a.db" }, storeGiven: true }],
  ["store", "redis://cache", { store: REDIS, storeGiven: true }],
  ["data-dir", "/data", { store: { kind: "sqlite", path: "/data/invocations.sqlite" } }],
  ["store-sync", "normal", { storeOptions: { ...STORE_OPTIONS, sync: "normal" } }],
  ["store-ttl", "1.5", { storeOptions: { ...STORE_OPTIONS, ttlMs: 1_500 } }],
  // In floating point no whole number of milliseconds, which SQLite and Redis need.
  ["store-ttl", "16.1", { storeOptions: { ...STORE_OPTIONS, ttlMs: 16_100 } }],
  ["store-ttl", "0.0001", { storeOptions: { ...STORE_OPTIONS, ttlMs: 1 } }],
  ["store-ttl", "0", {}],
  ["store-max-rows", "4294967296", { storeOptions: { ...STORE_OPTIONS, rowsMax: 2 ** 32 } }],
  ["store-max-rows", "0", {}],
  ["store-timeout-seconds", "0.01", { storeOptions: { ...STORE_OPTIONS, timeoutMs: 10 } }],
  ["store-timeout-seconds", "16.1", { storeOptions: { ...STORE_OPTIONS, timeoutMs: 16_100 } }],
  ["models", "m", { models: { folder: "m", mode: "all", cacheFolder: undefined } }],
];

/** Flags that are of no use alone. */
const PAIRED = [
  "tls-cert",
  "tls-key",
  "model-mode",
  "model-cache",
  "log-file-bytes",
  "log-files",
  "pipeline-queue",
];

const HOST = "a host name or an IP address";
const PORT = "an integer from 0 to 65535";
const UNITS = "as a plain integer or with KiB, MiB or GiB";
const CACHE_BYTES = `bytes from 4 KiB to 4 GiB, ${UNITS}`;
const MESSAGE_BYTES = `bytes from 1 KiB to 1 GiB, ${UNITS}`;
const LOG_FILE_BYTES = `bytes from 4 KiB to 1 GiB, ${UNITS}`;
const SECONDS = "a number of seconds from 0 to 3600";

const WRONG: readonly (readonly [flag: string, text: string, expected: string])[] = [
  ["host", "", HOST],
  ["host", "a b", HOST],
  ["host", "[::1]", HOST],
  ["host", "::x", HOST],
  ["host", "a".repeat(254), HOST],
  ["port", "", PORT],
  ["port", "x", PORT],
  ["port", "-1", PORT],
  ["port", "65536", PORT],
  ["port", "1.5", PORT],
  ["port", "1e3", PORT],
  ["port", " 1", PORT],
  ["port", "0x10", PORT],
  ["threads", "0", "an integer from 1 to 256"],
  ["initial-threads", "0", "an integer from 1 to 256, or auto"],
  ["max-connections", "0", "an integer from 1 to 1048576"],
  ["max-streams", "65536", "an integer from 1 to 65535"],
  ["keepalive-seconds", "-1", "a number of seconds from 0 to 2678400"],
  ["pipeline-workers", "257", "an integer from 0 to 256"],
  ["pipeline-queue", "0", "an integer from 1 to 65536"],
  ["threads", "257", "an integer from 1 to 256"],
  ["cache-entries", "0", "an integer from 1 to 16777216"],
  ["cache-entries", "16777217", "an integer from 1 to 16777216"],
  ["cache-bytes", "4095", CACHE_BYTES],
  ["cache-bytes", "65GiB", CACHE_BYTES],
  ["cache-bytes", "1MB", CACHE_BYTES],
  ["cache-bytes", "1.5MiB", CACHE_BYTES],
  ["cache-bytes", "MiB", CACHE_BYTES],
  ["cache-bytes", "constructor", CACHE_BYTES],
  ["numstore-keys", "0", "an integer from 1 to 16777216"],
  ["numstore-bytes", "5GiB", CACHE_BYTES],
  ["numstore-bytes", "4095", CACHE_BYTES],
  ["numstore-cache-entries", "22", "an integer from 1 to 21"],
  ["max-message-bytes", "1023", MESSAGE_BYTES],
  ["max-message-bytes", "2GiB", MESSAGE_BYTES],
  ["drain-seconds", "3600.1", SECONDS],
  ["drain-seconds", "-1", SECONDS],
  ["drain-seconds", "5s", SECONDS],
  ["drain-seconds", "Infinity", SECONDS],
  ["log-format", "xml", "text or json"],
  ["log-format", "JSON", "text or json"],
  ["log-dir", "", "a file"],
  ["log-file-bytes", "1KiB", LOG_FILE_BYTES],
  ["log-file-bytes", "2GiB", LOG_FILE_BYTES],
  ["log-files", "0", "an integer from 1 to 100"],
  ["log-files", "101", "an integer from 1 to 100"],
  ["auth-token-file", "", "a file"],
  ["invocation-model", "", "the name of a model"],
  ["store", "", "a store"],
  ["data-dir", "", "a file"],
  ["store-sync", "off", "full or normal"],
  ["store-ttl", "-1", "a number of seconds from 0 to 315360000"],
  ["store-max-rows", "4294967297", "an integer from 0 to 4294967296"],
  ["store-timeout-seconds", "0", "a number of seconds from 0.01 to 300"],
  ["tls-cert", "", "a file"],
  ["tls-key", "", "a file"],
];

function variableOf(flag: string): string {
  return `MODELSERVER_${flag.replaceAll("-", "_").toUpperCase()}`;
}

Deno.test("parseServerFlags() has the documented defaults", () => {
  assert.deepEqual(parseServerFlags([], NO_VARIABLES), { kind: "run", flags: DEFAULTS });
});

Deno.test("parseServerFlags() takes each flag from arguments or environment", async (t) => {
  for (const [flag, text, change] of RIGHT) {
    const expected = { kind: "run", flags: { ...DEFAULTS, ...change } };
    await t.step(`--${flag} ${text}`, () => {
      assert.deepEqual(parseServerFlags([`--${flag}`, text], NO_VARIABLES), expected);
      assert.deepEqual(parseServerFlags([`--${flag}=${text}`], NO_VARIABLES), expected);
    });
    await t.step(`${variableOf(flag)}=${text}`, () => {
      assert.deepEqual(parseServerFlags([], variables({ [variableOf(flag)]: text })), expected);
    });
  }
});

Deno.test("parseServerFlags() says what is wrong with a value and where it is from", async (t) => {
  for (const [flag, text, expected] of WRONG) {
    const found = JSON.stringify(text);
    await t.step(`--${flag} ${found}`, () => {
      assert.deepEqual(
        parseServerFlags([`--${flag}`, text], NO_VARIABLES),
        usageError(`--${flag} is ${found}, expected ${expected}`),
      );
    });
    await t.step(`${variableOf(flag)}=${found}`, () => {
      assert.deepEqual(
        parseServerFlags([], variables({ [variableOf(flag)]: text })),
        usageError(`${variableOf(flag)} is ${found}, expected ${expected}`),
      );
    });
  }
});

Deno.test("parseServerFlags() takes a certificate and its key, both or neither", () => {
  const tls = { certFile: "a.pem", keyFile: "b.pem" };
  const expected = { kind: "run", flags: { ...DEFAULTS, tls } };
  const mixed = variables({ MODELSERVER_TLS_KEY: "b.pem" });
  assert.deepEqual(parseServerFlags(["--tls-cert", "a.pem"], mixed), expected);
  const both = ["--tls-cert", "a.pem", "--tls-key", "b.pem"];
  assert.deepEqual(parseServerFlags(both, NO_VARIABLES), expected);
  assert.deepEqual(
    parseServerFlags(["--tls-cert", "a.pem"], NO_VARIABLES),
    usageError("--tls-cert is given, and --tls-key is not"),
  );
  assert.deepEqual(
    parseServerFlags([], mixed),
    usageError("MODELSERVER_TLS_KEY is given, and --tls-cert is not"),
  );
});

Deno.test("parseServerFlags() says what is wrong with a store, without its password", () => {
  assert.deepEqual(
    parseServerFlags(["--store", "mysql://a:secret@b"], NO_VARIABLES),
    usageError(
      '--store: Cannot use "…@b" as a store: ' +
        "needs memory, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT",
    ),
  );
  const inVariable = parseServerFlags([], variables({ MODELSERVER_STORE: "redis://" }));
  assert.ok(inVariable.kind === "exit");
  assert.match(inVariable.stderr, /^server: MODELSERVER_STORE: Cannot use "redis:\/\/" as a store/);
});

Deno.test("parseServerFlags() takes --store-sync for SQLite alone", () => {
  const args = ["--store-sync", "normal", "--store"];
  assert.equal(parseServerFlags([...args, "sqlite:a"], NO_VARIABLES).kind, "run");
  assert.deepEqual(
    parseServerFlags([...args, "memory"], NO_VARIABLES),
    usageError("--store-sync is given, and --store is not SQLite"),
  );
});

Deno.test("parseServerFlags() takes bounds of log files with a folder for them only", () => {
  const bounds = ["--log-file-bytes", "4KiB", "--log-files", "1"];
  const logFile = { folder: "l", bytesMax: 4096, filesMax: 1 };
  assert.deepEqual(
    parseServerFlags(["--log-dir", "l", ...bounds], NO_VARIABLES),
    { kind: "run", flags: { ...DEFAULTS, logFile } },
  );
  assert.deepEqual(
    parseServerFlags(bounds, NO_VARIABLES),
    usageError("--log-file-bytes is given, and --log-dir is not"),
  );
  assert.deepEqual(
    parseServerFlags([], variables({ MODELSERVER_LOG_FILES: "2" })),
    usageError("MODELSERVER_LOG_FILES is given, and --log-dir is not"),
  );
});

Deno.test("parseServerFlags() prefers an argument, even to a wrong variable", () => {
  for (const variable of ["1", "x"]) {
    const outcome = parseServerFlags(["--port", "2"], variables({ MODELSERVER_PORT: variable }));
    assert.deepEqual(outcome, { kind: "run", flags: { ...DEFAULTS, port: 2 } });
  }
});

Deno.test("parseServerFlags() takes the last of several", () => {
  const outcome = parseServerFlags(["--port", "1", "--port=2"], NO_VARIABLES);
  assert.deepEqual(outcome, { kind: "run", flags: { ...DEFAULTS, port: 2 } });
});

Deno.test("parseServerFlags() refuses what it does not know", async (t) => {
  const cases: readonly (readonly [args: readonly string[], message: string])[] = [
    [["--prot", "1"], "unknown option '--prot' (Did you mean --port?)"],
    [["-p"], "unknown option '-p'"],
    [["--port"], `--port has no value, expected ${PORT}`],
    [["--port", "1", "--cache-bytes"], `--cache-bytes has no value, expected ${CACHE_BYTES}`],
    [["run"], 'unexpected argument "run", expected flags only'],
    [["--", "--port"], 'unexpected argument "--port", expected flags only'],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), () => {
      assert.deepEqual(parseServerFlags(args, NO_VARIABLES), usageError(message));
    });
  }
});

Deno.test("parseServerFlags() puts the version on stdout", () => {
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(parseServerFlags([flag], NO_VARIABLES), {
      kind: "exit",
      code: EXIT_SUCCESS,
      stdout: `${VERSION}\n`,
      stderr: "",
    });
  }
});

Deno.test("parseServerFlags() puts help on all flags and variables on stdout", () => {
  const outcome = parseServerFlags(["--help"], NO_VARIABLES);
  assert.ok(outcome.kind === "exit");
  assert.deepEqual([outcome.code, outcome.stderr], [EXIT_SUCCESS, ""]);
  assert.match(outcome.stdout, /^Usage: server \[options\]\n/);
  for (const flag of [...RIGHT.map(([name]) => name), ...PAIRED]) {
    assert.ok(outcome.stdout.includes(`--${flag} <`), flag);
    assert.ok(outcome.stdout.includes(variableOf(flag)), flag);
  }
  assert.ok(outcome.stdout.split("\n").every((line) => line.length <= 100));
});

Deno.test("parseServerFlags() asks for no other variables than its own", () => {
  const asked: string[] = [];
  parseServerFlags(["--port", "1"], (name) => {
    asked.push(name);
    return undefined;
  });
  const flags = new Set([...RIGHT.map(([flag]) => flag), ...PAIRED]);
  flags.delete("port");
  assert.deepEqual(asked.toSorted(), [...flags].map(variableOf).toSorted());
});

Deno.test("parseServerFlags() passes on what the environment throws", () => {
  const failure = new Deno.errors.NotCapable("no access");
  const env = () => {
    throw failure;
  };
  assert.throws(() => parseServerFlags([], env), failure);
});
