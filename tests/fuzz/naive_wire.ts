/** One field of a message; `value` is its varint, or the bytes of any other type. */
export interface NaiveFieldValue {
  readonly number: number;
  readonly type: number;
  /** The low 32 bits of a varint, whether any of its bits is set, else 0 and false. */
  readonly low: number;
  readonly truthy: boolean;
  readonly bytes: Uint8Array;
}

/** A message in protobuf's wire format, taken apart. */
export interface NaiveMessage {
  readonly fields: readonly NaiveFieldValue[];
  /** Whether a varint has more than five bytes, which protobufjs reads otherwise than protobuf says. */
  readonly hasLongVarint: boolean;
}

const GROUP_DEPTH_MAX = 100;

/**
 * Takes a message apart as protobuf's documentation says, without regard to speed, to compare with.
 *
 * @returns `undefined` when the bytes are no message
 */
export function parseNaively(bytes: Uint8Array): NaiveMessage | undefined {
  const parser = new NaiveParser(bytes);
  try {
    const fields = parser.fields(undefined, 0);
    return { fields, hasLongVarint: parser.hasLongVarint };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

class NaiveParser {
  hasLongVarint = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The fields up to the end of the message, or of the group of that number. */
  fields(group: number | undefined, depth: number): NaiveFieldValue[] {
    if (depth > GROUP_DEPTH_MAX) throw new Malformed();
    const fields: NaiveFieldValue[] = [];
    while (group !== undefined || this.#at < this.#bytes.length) {
      const tag = this.#varint().low;
      const number = Math.floor(tag / 8);
      const type = tag % 8;
      if (number === 0) throw new Malformed();
      if (type === 4) {
        if (number !== group) throw new Malformed();
        return fields;
      }
      fields.push({ number, type, ...this.#value(number, type, depth) });
    }
    return fields;
  }

  #value(number: number, type: number, depth: number) {
    const none = { low: 0, truthy: false, bytes: new Uint8Array(0) };
    switch (type) {
      case 0:
        return { ...none, ...this.#varint() };
      case 1:
        return { ...none, bytes: this.#take(8) };
      case 2:
        return { ...none, bytes: this.#take(this.#varint().low) };
      case 3:
        this.fields(number, depth + 1);
        return none;
      case 5:
        return { ...none, bytes: this.#take(4) };
      default:
        throw new Malformed();
    }
  }

  #varint(): { low: number; truthy: boolean } {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      const byte = this.#take(1)[0];
      value += BigInt(byte % 128) << 7n * i;
      if (byte >= 128) continue;
      if (i >= 5n) this.hasLongVarint = true;
      return { low: Number(value % 0x1_0000_0000n), truthy: value !== 0n };
    }
    throw new Malformed();
  }

  #take(count: number): Uint8Array {
    if (count > this.#bytes.length - this.#at) throw new Malformed();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
