import type { StoreOptions } from "./store_options.ts";
import type { StoreUrl } from "./store_url.ts";
import type { TextStore } from "./text_store.ts";

/**
 * Opens the store that a URL names. What only one kind needs is loaded by that kind.
 *
 * One of Redis is open even while no server is there: it goes on trying to connect.
 *
 * @param now milliseconds since 1970, by which runs get old
 * @throws {OperationError} `unavailable` saying what is wrong with the file, and what is needed
 */
export async function openStore(
  url: StoreUrl,
  options: StoreOptions,
  now: () => number = Date.now,
): Promise<TextStore> {
  switch (url.kind) {
    case "memory": {
      const { MemoryStore } = await import("./memory_store.ts");
      return new MemoryStore(options, now);
    }
    case "sqlite": {
      const { openSqliteStore } = await import("./sqlite_store.ts");
      return openSqliteStore(url.path, options, now);
    }
    case "redis": {
      const { openRedisStore } = await import("./redis_store.ts");
      return await openRedisStore(url, options, now);
    }
  }
}

/** Opens what only reads of a store whose writes are another thread's. @throws {OperationError} as `openStore` does */
export async function openReads(url: StoreUrl, options: StoreOptions): Promise<TextStore> {
  if (url.kind !== "sqlite") {
    throw new TypeError(`Reads of ${url.kind} need no thread of their own`);
  }
  const { openSqliteReads } = await import("./sqlite_reads.ts");
  return openSqliteReads(url.path, options);
}
