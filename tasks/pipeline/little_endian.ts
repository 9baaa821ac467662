/** The bytes of an unsigned integer of 16 bits. */
export function uint16(value: number): number[] {
  return [value & 0xff, value >>> 8];
}

/** The bytes of an unsigned integer of 32 bits. */
export function uint32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => value >>> shift & 0xff);
}
