import type { Random } from "./random.ts";

/** No input is longer: what takes more bytes than a read has is cut, whatever its length. */
export const INPUT_BYTES_MAX = 65_536;

const CHANGES_MAX = 5;

/**
 * An input near one of `seeds`: one in eight is a seed as it is, one in thirty-two has nothing to do
 * with any.
 */
export function mutant(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  if (random.oneIn(32)) return random.bytes(random.length(256));
  const seed = random.pick(seeds);
  return random.oneIn(8) ? seed : mutate(random, seed, seeds);
}

/**
 * `bytes` with one to CHANGES_MAX changes: bits flipped, numbers overwritten, parts lost, repeated,
 * inserted, and parts of other inputs.
 *
 * @param from the first byte that may change
 */
export function mutate(
  random: Random,
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  from = 0,
): Uint8Array {
  let mutated = bytes;
  for (let changes = 1 + random.length(CHANGES_MAX); changes > 0; changes--) {
    mutated = change(random, mutated, others, Math.min(from, mutated.length));
  }
  return mutated.length > INPUT_BYTES_MAX ? mutated.slice(0, INPUT_BYTES_MAX) : mutated;
}

function change(
  random: Random,
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  from: number,
): Uint8Array {
  const free = bytes.length - from;
  const at = from + random.below(free + 1);
  const end = at + random.length(bytes.length - at + 1);
  switch (free === 0 ? 6 : random.below(9)) {
    case 0:
    case 1:
      return overwritten(bytes, at, (copy, i) => copy[i] ^= 1 << random.below(8));
    case 2:
      return overwritten(bytes, at, (copy, i) => copy[i] = random.below(256));
    case 3:
      return putNumber(random, bytes, at);
    case 4: // Cut short.
      return bytes.slice(0, at);
    case 5: // A part is lost.
      return replaced(bytes, at, end, NONE);
    case 6: // Something is inserted.
      return replaced(bytes, at, at, random.bytes(1 + random.length(16)));
    case 7: // A part comes twice.
      return replaced(bytes, at, at, bytes.subarray(at, end));
    default: // A part of another input comes in.
      return replaced(bytes, at, random.oneIn(2) ? at : end, part(random, random.pick(others)));
  }
}

function overwritten(
  bytes: Uint8Array,
  at: number,
  write: (copy: Uint8Array, at: number) => void,
): Uint8Array {
  const copy = bytes.slice();
  write(copy, Math.min(at, bytes.length - 1));
  return copy;
}

/** A number of 1 to 4 bytes, in either order, over what is there. */
function putNumber(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  const number = random.edge();
  const width = Math.min(1 + random.below(4), copy.length - at);
  const littleEndian = random.oneIn(2);
  for (let i = 0; i < width; i++) {
    copy[at + i] = number >>> 8 * (littleEndian ? i : width - 1 - i);
  }
  return copy;
}

function part(random: Random, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1);
  return bytes.subarray(start, start + random.length(bytes.length - start + 1));
}

function replaced(bytes: Uint8Array, start: number, end: number, by: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length - (end - start) + by.length);
  whole.set(bytes.subarray(0, start));
  whole.set(by, start);
  whole.set(bytes.subarray(end), start + by.length);
  return whole;
}

const NONE = new Uint8Array(0);
