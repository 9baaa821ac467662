/** Random bytes that are fetched at once: a fetch costs as much as dozens of ids. */
const POOL_BYTES = 4_096;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** @returns 32 lower-case hex digits */
export function newTraceId(): string {
  return newId(TRACE_ID_BYTES);
}

/** @returns 16 lower-case hex digits */
export function newSpanId(): string {
  return newId(SPAN_ID_BYTES);
}

function newId(bytes: number): string {
  if (used + bytes > POOL_BYTES) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += bytes;
  // That all are 0, which would be no id, happens once in 2^64 times: never.
  return pool.subarray(used - bytes, used).toHex();
}
