/** Reads and writes the protobuf wire format. Source: protobuf.dev, "Encoding". */

/** Wire types. Groups (3, 4) are deprecated but must still be skipped. */
export const WireType = {
  VARINT: 0,
  FIXED64: 1,
  LENGTH: 2,
  GROUP_START: 3,
  GROUP_END: 4,
  FIXED32: 5,
} as const;

/** Nested groups deeper than this are an attack on the stack, not data. protobuf's own limit. */
const GROUP_DEPTH_MAX = 100;

/**
 * Reads through one message's bytes. Reused from message to message: `reset` starts a new one.
 *
 * Every method throws a RangeError when the bytes are cut off or break the format.
 */
export class WireReader {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Whether bytes are left. */
  get more(): boolean {
    return this.at < this.end;
  }

  /** Reads a field's tag: its number × 8 + its wire type. */
  readTag(): number {
    const tag = this.readVarint32();
    if (tag >>> 3 === 0) throw new RangeError("field number 0");
    return tag;
  }

  /** Reads a varint and keeps its low 32 bits, unsigned; up to 10 bytes, as for 64-bit values. */
  readVarint32(): number {
    const { bytes, end } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new RangeError("varint is cut off");
      const byte = bytes[this.at++];
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("varint of more than 10 bytes");
  }

  /** Reads a varint of an int64: two's complement, up to 10 bytes. */
  readInt64(): bigint {
    const { bytes, end } = this;
    let small = 0;
    let large = 0n;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new RangeError("varint is cut off");
      const byte = bytes[this.at++];
      if (shift < 28) small |= (byte & 0x7f) << shift;
      else large |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) {
        return shift < 28 ? BigInt(small) : BigInt.asIntN(64, large | BigInt(small));
      }
    }
    throw new RangeError("varint of more than 10 bytes");
  }

  /** Reads a varint of an int64 as a number, which is exact as far as integers of numbers are. */
  readInt64Number(): number {
    const { bytes, at } = this;
    if (at < this.end && bytes[at] < 0x80) {
      this.at = at + 1;
      return bytes[at];
    }
    return Number(this.readInt64());
  }

  /** Reads a varint of a bool: true unless all of its up to 64 bits are 0. */
  readBool(): boolean {
    const from = this.at;
    this.readVarint32();
    for (let i = from; i < this.at; i++) {
      if ((this.bytes[i] & 0x7f) !== 0) return true;
    }
    return false;
  }

  /**
   * Reads the length of a nested message, and ends where that ends.
   *
   * @returns where it ended before; for `leave`, once the nested message is read
   */
  enter(): number {
    const outerEnd = this.end;
    const length = this.readLength();
    this.end = this.at + length;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.end = outerEnd;
  }

  /** Reads the length of a length-delimited field and checks that as many bytes are there. */
  readLength(): number {
    const length = this.readVarint32();
    if (length > this.end - this.at) {
      throw new RangeError(`field of ${length} bytes, ${this.end - this.at} are left`);
    }
    return length;
  }

  /** Moves over `count` bytes. */
  skipBytes(count: number): void {
    if (count > this.end - this.at) throw new RangeError("field is cut off");
    this.at += count;
  }

  /** Moves over the value of a field that nobody knows. */
  skipField(tag: number): void {
    switch (tag & 7) {
      case WireType.VARINT:
        this.readVarint32();
        return;
      case WireType.FIXED64:
        return this.skipBytes(8);
      case WireType.LENGTH:
        return this.skipBytes(this.readLength());
      case WireType.GROUP_START:
        return this.#skipGroup(tag);
      case WireType.FIXED32:
        return this.skipBytes(4);
      default:
        throw new RangeError(`wire type ${tag & 7}`);
    }
  }

  /** Without recursion, so that nesting costs a counter rather than stack. */
  #skipGroup(startTag: number): void {
    const open = [startTag >>> 3];
    while (open.length > 0) {
      const tag = this.readTag();
      const type = tag & 7;
      if (type === WireType.GROUP_START) {
        if (open.length === GROUP_DEPTH_MAX) throw new RangeError("groups nested too deep");
        open.push(tag >>> 3);
      } else if (type === WireType.GROUP_END) {
        if (open.pop() !== tag >>> 3) throw new RangeError("group ends with another's tag");
      } else {
        this.skipField(tag);
      }
    }
  }
}

/** The bytes that `value`, an unsigned 32-bit integer, takes as a varint: 1 to 5. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes an unsigned 32-bit integer as a varint; returns the end offset. */
export function writeVarint(value: number, bytes: Uint8Array, offset: number): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** The most bytes of an int64 as a varint. */
export const INT64_BYTES_MAX = 10;

const INT64_SMALL_MAX = 0x7fff_ffffn;

/** Writes an int64 as a varint, two's complement; returns the end offset. */
export function writeInt64(value: bigint, bytes: Uint8Array, offset: number): number {
  if (value >= 0n && value <= INT64_SMALL_MAX) return writeVarint(Number(value), bytes, offset);
  let at = offset;
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[at++] = Number(rest);
  return at;
}

/** The bytes that `value`, an int64 or uint64, takes as a varint: 1 to 10. */
export function int64Bytes(value: bigint): number {
  if (value < 0n) return INT64_BYTES_MAX;
  let bytes = 1;
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) bytes++;
  return bytes;
}

/** The bytes that `value`, an integer from 0 that a number holds exactly, takes as a varint: 1 to 8. */
export function uint53Bytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes an integer from 0 that a number holds exactly as a varint; returns the end offset. */
export function writeUint53(value: number, bytes: Uint8Array, offset: number): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at++] = rest;
  return at;
}
