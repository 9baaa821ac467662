import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { storePermissions } from "../../lib/store/store_permissions.ts";
import type { StorePart } from "../../lib/store/store_protocol.ts";
import { describeStore, parseStoreUrl } from "../../lib/store/store_url.ts";

const GOOD: Readonly<Record<string, string>> = {
  "memory": "memory",
  "sqlite:runs.sqlite": "sqlite:runs.sqlite",
  "sqlite:/var/lib/runs": "sqlite:/var/lib/runs",
  "sqlite:///var/lib/runs": "sqlite:/var/lib/runs",
  "sqlite:a:b@c?d#e": "sqlite:a:b@c?d#e",
  "redis://cache": "redis://cache:6379",
  "redis://cache/": "redis://cache:6379",
  "redis://cache:80/0": "redis://cache:80",
  "redis://anna:pass%40word@10.0.0.1:1": "redis://10.0.0.1:1",
  "redis://:only@[::1]:7": "redis://[::1]:7",
  "rediss://cache:443": "rediss://cache:443",
};

const WRONG: Readonly<Record<string, string>> = {
  "": '"" as a store: needs memory, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT',
  "mysql://anna:secret@db": '"…@db" as a store: needs memory, sqlite:PATH',
  "redis//anna:secret@db": '"…@db" as a store: needs memory',
  "Memory": '"Memory" as a store: needs memory',
  "sqlite:": '"sqlite:" as a store: a file\'s path is missing, needs sqlite:PATH',
  "sqlite://host/runs": '"sqlite://host/runs" as a store: found a host, needs sqlite:PATH',
  "sqlite::memory:": '"sqlite::memory:" as a store: that is no file, needs memory',
  "sqlite:a\0b": '"sqlite:a\\u0000b" as a store: found a NUL',
  "redis:": '"redis:" as a store: it is not a URL',
  "redis:cache": '"redis:cache" as a store: a host is missing',
  "redis://cache:99999": '"redis://cache:99999" as a store: it is not a URL',
  "redis://anna:sec%ret@db": '"redis://…@db" as a store: it is not a URL',
  "redis://anna:secret@db/3": '"redis://…@db/3" as a store: found database 3, needs none',
  // The port is the beginning of a password.
  "redis://anna:12/secret@db": '"redis://…@db" as a store: found an @ behind the port, needs',
  "redis://anna:12#secret@db": '"redis://…@db" as a store: found an @ behind the port, needs',
  "redis://secr/et:secret@db": '"redis://…@db" as a store: found an @ behind the port, needs',
  "redis://db?family=6": '"redis://db?family=6" as a store: found something behind the port',
};

for (const [text, name] of Object.entries(GOOD)) {
  Deno.test(`parseStoreUrl(): ${text}`, () => {
    assert.equal(describeStore(parseStoreUrl(text)), name);
  });
}

for (const [text, message] of Object.entries(WRONG)) {
  Deno.test(`parseStoreUrl(): refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseStoreUrl(text), (error) => {
      assert.ok(error instanceof OperationError && error.code === "invalid-argument");
      assert.ok(error.message.startsWith(`Cannot use ${message}`), error.message);
      assert.doesNotMatch(error.message, /secret|anna/);
      return true;
    });
  });
}

Deno.test("parseStoreUrl(): keeps user and password for Redis alone", () => {
  const url = parseStoreUrl("rediss://anna:pass%40word@cache:1");
  assert.deepEqual(url, {
    kind: "redis",
    tls: true,
    host: "cache",
    port: 1,
    username: "anna",
    password: "pass@word",
  });
});

Deno.test("storePermissions(): a store may do what its kind needs", () => {
  assert.deepEqual(granted("memory"), {});
  assert.deepEqual(granted("sqlite:/var/runs.sqlite"), { read: ["/var"], write: ["/var"] });
  assert.deepEqual(granted("sqlite:/var/runs.sqlite", "reads"), { read: ["/var"] });
  assert.deepEqual(granted("redis://anna:secret@[::1]:7"), { net: ["[::1]:7"] });
});

function granted(text: string, part: StorePart = "all"): Record<string, unknown> {
  const permissions = storePermissions(parseStoreUrl(text), part);
  return Object.fromEntries(Object.entries(permissions).filter(([, grant]) => grant !== false));
}
