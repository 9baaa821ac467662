import { CACHE_BYTES_MAX, CACHE_ENTRIES_MAX } from "../limits.ts";
import { BLOCK_BYTES, type CacheShape } from "./cache_layout.ts";
import { CACHE_POLICIES, type CachePolicy } from "./eviction_policy.ts";

/** How much a cache may hold, and what it evicts until both bounds are kept. */
export interface SharedCacheOptions {
  /** Most entries, 1 to 2²⁴. */
  readonly entries: number;
  /** Most bytes of blocks, 128 to 2³², rounded down to whole blocks of 128. */
  readonly bytes: number;
  /** `lru` unless it is said. */
  readonly policy?: CachePolicy | undefined;
  /**
   * Bits of the hash that keys are found by; they are compared in full with either. 32, the default,
   * is the faster one; 128 for callers that use the hash for more, and for long keys.
   */
  readonly hashBits?: 32 | 128 | undefined;
}

/**
 * The shape of a cache with these bounds.
 *
 * @throws {RangeError} if an option is out of its range
 */
export function shapeFor(options: SharedCacheOptions): CacheShape {
  const { entries, bytes, policy = "lru", hashBits = 32 } = options;
  requireInteger("entries", entries, 1, CACHE_ENTRIES_MAX);
  requireInteger("bytes", bytes, BLOCK_BYTES, CACHE_BYTES_MAX);
  requireOneOf("policy", policy, CACHE_POLICIES);
  requireOneOf("hashBits", hashBits, [32, 128]);
  return { entriesMax: entries, blocksMax: Math.floor(bytes / BLOCK_BYTES), policy, hashBits };
}

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot allocate a cache: ${name} is ${value}, needs an integer from ${min} to ${max}`,
  );
}

function requireOneOf<Value>(name: string, value: Value, values: readonly Value[]): void {
  if (values.includes(value)) return;
  throw new RangeError(
    `Cannot allocate a cache: ${name} is ${value}, needs one of ${values.join(", ")}`,
  );
}
