/** BF16 is the upper half of a float32. */
const HALF_BITS = 16;

/** The float32 values of BF16 bits. Shapes: bits, result (n,). */
export function decodeBrainFloats(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = Uint32Array.from(bits, (half) => half << HALF_BITS);
  return new Float32Array(words.buffer);
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The bits of the BF16 nearest to a number, of two the even one; one that is too large is infinite. */
export function encodeBrainFloat(value: number): number {
  float[0] = value;
  if (Number.isNaN(value)) return 0x7fc0;
  return (word[0] + 0x7fff + ((word[0] >>> HALF_BITS) & 1)) >>> HALF_BITS;
}
