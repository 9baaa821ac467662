/** How a float of 16 bits is laid out: a sign, the exponent, then the fraction. */
interface Layout {
  readonly fractionBits: number;
  /** Exponents of the smallest and of the largest normal number. */
  readonly exponentMin: number;
  readonly exponentMax: number;
}

/** IEEE 754 binary16. */
const FP16: Layout = { fractionBits: 10, exponentMin: -14, exponentMax: 15 };

/** The upper half of a binary32. */
const BF16: Layout = { fractionBits: 7, exponentMin: -126, exponentMax: 127 };

const SIGN = 0x8000;

/**
 * Adding 2⁵² to a float64 from 0 to below 2⁵² pushes all bits after the point out of the mantissa, and the
 * processor rounds them to nearest, ties to even.
 */
const ROUNDER = 2 ** 52;

const FP16_EXPONENT_ALL_ONES = 31;

/** Where a float64's, and a float32's, bits are looked at; of this thread alone. */
const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);
const float32 = new Float32Array(1);
const word = new Uint32Array(float32.buffer);

/** The number that the 16 bits of an FP16 element stand for; exact. Source: IEEE 754-2019 §3.4, binary16. */
export function decodeFp16(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  let size: number;
  if (exponent === 0) size = fraction * 2 ** -24;
  else if (exponent < FP16_EXPONENT_ALL_ONES) size = (1024 + fraction) * 2 ** (exponent - 25);
  else size = fraction === 0 ? Infinity : NaN;
  return (bits & SIGN) === 0 ? size : -size;
}

/**
 * The bits of the FP16 nearest to a number, ties to even; what is past the largest, 65504, by half a step
 * or more is infinite. All NaN are one.
 */
export function encodeFp16(value: number): number {
  return encode(value, FP16);
}

/** The number that the 16 bits of a BF16 element stand for; exact. */
export function decodeBf16(bits: number): number {
  word[0] = bits << 16;
  return float32[0];
}

/** The bits of the BF16 nearest to a number, ties to even. All NaN are one. */
export function encodeBf16(value: number): number {
  return encode(value, BF16);
}

/**
 * FP16 elements as float32; exact.
 *
 * Shapes: bits (n,) → into (≥ n,) float32.
 */
export function widenFp16(bits: Uint16Array, into: Float32Array): void {
  for (let index = 0; index < bits.length; index++) into[index] = decodeFp16(bits[index]);
}

/**
 * BF16 elements as float32; exact.
 *
 * Shapes: bits (n,) → into (≥ n,) float32.
 */
export function widenBf16(bits: Uint16Array, into: Float32Array): void {
  for (let index = 0; index < bits.length; index++) into[index] = decodeBf16(bits[index]);
}

/** Rounds once, from float64: by way of float32 a number just past a tie would become one. */
function encode(value: number, { fractionBits, exponentMin, exponentMax }: Layout): number {
  const one = 1 << fractionBits;
  const infinite = (exponentMax - exponentMin + 2) * one;
  if (Number.isNaN(value)) return infinite + one / 2;
  float64[0] = value;
  const sign = (words[1] >>> 16) & SIGN;
  const size = Math.abs(value);
  const exponent = Math.max(((words[1] >>> 20) & 0x7ff) - 1023, exponentMin);
  if (exponent > exponentMax) return sign | infinite;
  // In steps of the last bit: below 2·one, or that after rounding, which is the next exponent's first.
  const steps = size * 2 ** (fractionBits - exponent) + ROUNDER - ROUNDER;
  return sign | ((exponent - exponentMin) * one + steps);
}
