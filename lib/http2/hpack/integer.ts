import { compressionError } from "./compression_error.ts";

/**
 * The largest integer either way: no index, length or table size of ours comes near it, and every sum
 * of two stays a 31-bit integer, the kind that engines do not box.
 */
export const INTEGER_MAX = 2 ** 28;

/** Five octets carry 35 bits, past INTEGER_MAX; more of them are padding meant to burn time. */
const CONTINUATION_OCTETS_MAX = 5;

/**
 * Where a decoder stands in a header block: octets from `offset` to before `end` are still to be read.
 *
 * Each decode function moves `offset` past what it read; after a throw `offset` means nothing.
 */
export interface BlockCursor {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;
}

/**
 * Reads the integer whose prefix is the low `prefixBits` bits of the octet at the cursor.
 *
 * Cost: no allocation. Source: RFC 7541 §5.1.
 *
 * @param prefixBits 1 to 8
 * @returns 0 to INTEGER_MAX
 * @throws Http2Error COMPRESSION_ERROR if the block ends within the integer or it is too large
 */
export function decodeInteger(cursor: BlockCursor, prefixBits: number): number {
  const prefixMax = (1 << prefixBits) - 1;
  let value = nextOctet(cursor) & prefixMax;
  if (value < prefixMax) return value;

  let factor = 1; // multiplied, as shifts would wrap at 32 bits
  for (let octets = 0; octets < CONTINUATION_OCTETS_MAX; octets++) {
    const octet = nextOctet(cursor);
    value += (octet & 0x7f) * factor;
    factor *= 0x80;
    if (octet >= 0x80) continue;
    if (value > INTEGER_MAX) {
      throw compressionError(`integer ${value} found, at most ${INTEGER_MAX} accepted`);
    }
    return value;
  }
  throw compressionError(
    `an integer goes on after ${CONTINUATION_OCTETS_MAX} continuation octets, the most accepted`,
  );
}

function nextOctet(cursor: BlockCursor): number {
  if (cursor.offset >= cursor.end) throw compressionError("it ends within an integer");
  return cursor.bytes[cursor.offset++];
}

/**
 * Writes an integer with the high bits of its first octet taken from `pattern`.
 *
 * Source: RFC 7541 §5.1.
 *
 * @param prefixBits 1 to 8
 * @param pattern the first octet with its low `prefixBits` bits zero
 * @returns the offset after the last octet written, at most 5 past `offset`
 * @throws RangeError if `value` is not an integer from 0 to INTEGER_MAX
 */
export function encodeInteger(
  value: number,
  prefixBits: number,
  pattern: number,
  output: Uint8Array,
  offset: number,
): number {
  if (!(value >= 0 && value <= INTEGER_MAX)) {
    throw new RangeError(`Cannot encode integer: ${value} found, 0 to ${INTEGER_MAX} needed`);
  }
  const prefixMax = (1 << prefixBits) - 1;
  if (value < prefixMax) {
    output[offset] = pattern | value;
    return offset + 1;
  }
  output[offset] = pattern | prefixMax;
  let end = offset + 1;
  let rest = value - prefixMax;
  for (; rest >= 0x80; rest >>>= 7) output[end++] = 0x80 | (rest & 0x7f);
  output[end] = rest;
  return end + 1;
}
