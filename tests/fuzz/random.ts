import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";

/** Numbers at which length fields, windows and identifiers change their meaning. */
const EDGES: readonly number[] = [
  ...[0, 1, 2, 3, 4, 5, 8, 9, 31, 32, 61, 62, 63, 64, 126, 127, 128, 254, 255, 256, 511, 1_023],
  ...[4_095, 4_096, 4_097, 16_383, 16_384, 16_385, 32_767, 32_768, 65_535, 65_536, 262_144],
  ...[1_048_576, 0xff_ffff, 0x100_0000, 0x1000_0000, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000],
  ...[0xffff_fff0, 0xffff_fffe, 0xffff_ffff],
];

/**
 * Where all of one input comes from: the same seed and index give the same numbers on every machine.
 *
 * Two inputs of one seed never start alike: the index goes through a bijection of 32 bits.
 */
export class Random {
  readonly #generator: JumpableRandomGenerator;

  constructor(seed: number, index: number) {
    this.#generator = xoroshiro128plus(scramble(index ^ scramble(seed + 1)));
    // The state starts with few bits set; the first two numbers say much about each other.
    this.#generator.next();
    this.#generator.next();
  }

  /** An unsigned 32-bit integer. */
  uint32(): number {
    return this.#generator.next() >>> 0;
  }

  /** An integer from 0 to before `bound`, which is at least 1; a bias of 2⁻³² a step is no harm. */
  below(bound: number): number {
    return Math.floor(this.uint32() / 0x1_0000_0000 * bound);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Item>(items: ArrayLike<Item>): Item {
    return items[this.below(items.length)];
  }

  /** A length below `bound`, as likely small as large: each power of two has the same chance. */
  length(bound: number): number {
    return this.below(Math.min(bound, 1 << (1 + this.below(32 - Math.clz32(bound)))));
  }

  /** An integer that something may go wrong at: an edge, one beside it, or any. */
  edge(): number {
    return this.oneIn(8) ? this.uint32() : (this.pick(EDGES) + this.below(3) - 1) >>> 0;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24;
    return bytes;
  }
}

/** The finalizer of MurmurHash3, a bijection of 32-bit integers. */
function scramble(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
