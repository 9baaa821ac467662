import { OperationError } from "../errors.ts";

/** The port of Redis, with and without TLS, where a URL names none. */
const REDIS_PORT = 6379;

/** Where runs are kept. */
export type StoreUrl =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite"; readonly path: string }
  | RedisUrl;

/** A Redis server, and what it is told of who asks. */
export interface RedisUrl {
  readonly kind: "redis";
  readonly tls: boolean;
  /** A name or an address, of IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const FORMS = "memory, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT";

/**
 * The store that a text names: `memory`, `sqlite:PATH`, `redis://[USER[:PASSWORD]@]HOST[:PORT]` or `rediss://…`.
 *
 * @throws {OperationError} `invalid-argument` saying what was found, without what may be a password
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseStoreUrl } from "./store_url.ts";
 * assert.deepEqual(parseStoreUrl("sqlite:runs.sqlite"), { kind: "sqlite", path: "runs.sqlite" });
 * ```
 */
export function parseStoreUrl(text: string): StoreUrl {
  if (text === "memory") return { kind: "memory" };
  const [, scheme, rest] = /^(sqlite|rediss?):(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) throw unusable(text, `needs ${FORMS}`);
  return scheme === "sqlite" ? sqliteUrl(text, rest) : redisUrl(text, scheme === "rediss");
}

/** A store's name in messages and logs: no user, no password. */
export function describeStore(url: StoreUrl): string {
  switch (url.kind) {
    case "memory":
      return "memory";
    case "sqlite":
      return `sqlite:${url.path}`;
    case "redis":
      return `${url.tls ? "rediss" : "redis"}://${hostAndPort(url)}`;
  }
}

/** `host:port`, an IPv6 address in brackets. */
export function hostAndPort({ host, port }: RedisUrl): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function sqliteUrl(text: string, rest: string): StoreUrl {
  // As in other URLs, two slashes begin a host; here there is none.
  const path = rest.startsWith("///") ? rest.slice(2) : rest;
  if (path === "") throw unusable(text, "a file's path is missing, needs sqlite:PATH");
  if (path.startsWith("//")) {
    throw unusable(text, "found a host, needs sqlite:PATH or sqlite:///PATH");
  }
  if (path === ":memory:") throw unusable(text, "that is no file, needs memory or sqlite:PATH");
  if (path.includes("\0")) throw unusable(text, "found a NUL in the path");
  return { kind: "sqlite", path };
}

function redisUrl(text: string, tls: boolean): RedisUrl {
  let url: URL;
  let credentials: readonly string[];
  try {
    // Of schemes that it does not know, URL takes any host.
    url = new URL(text.replace(/^rediss?:/, "http:"));
    credentials = [url.username, url.password].map(decodeURIComponent);
  } catch {
    throw unusable(text, "it is not a URL, needs redis://[USER[:PASSWORD]@]HOST[:PORT]");
  }
  if (!/^rediss?:\/\/[^/]/.test(text)) {
    throw unusable(text, "a host is missing, needs redis://HOST:PORT");
  }
  if ([url.pathname, url.search, url.hash].some((part) => part.includes("@"))) {
    // What looks like a port and a database is a password, which no message may repeat.
    throw unusable(text, "found an @ behind the port, needs a password's / ? # as %2F %3F %23");
  }
  if (!["", "/", "/0"].includes(url.pathname)) {
    const database = /^\/(\d+)$/.exec(url.pathname)?.[1];
    const found = database === undefined ? "something behind the host" : `database ${database}`;
    throw unusable(
      text,
      `found ${found}, needs none: inputs are in 0, outputs in 1, the list in 2`,
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw unusable(text, "found something behind the port, needs redis://HOST:PORT alone");
  }
  const [username, password] = credentials;
  return {
    kind: "redis",
    tls,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    // An http URL does not keep its own port.
    port: url.port === "" ? (/:80\/?0?$/.test(text) ? 80 : REDIS_PORT) : Number(url.port),
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : password,
  };
}

function unusable(text: string, problem: string): OperationError {
  // Whatever stands before the last @ may hold a password, mistyped URLs included.
  const shown = text.replace(/^(rediss?:\/\/)?.*@/s, "$1…@");
  return new OperationError(
    "invalid-argument",
    `Cannot use ${JSON.stringify(shown)} as a store: ${problem}`,
  );
}
