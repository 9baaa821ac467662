import { HpackEncoder } from "../../lib/http2/hpack/encoder.ts";
import type { HeaderList } from "../../lib/http2/hpack/header_field.ts";
import { INPUT_BYTES_MAX } from "./mutation.ts";

/** The longest frame that a peer may send. */
const FRAME_BYTES_MAX = 16_384;

/** Room for the frame that goes past INPUT_BYTES_MAX, which is the last. */
const scratch = new Uint8Array(INPUT_BYTES_MAX + 4 * FRAME_BYTES_MAX);

/** Puts an input together out of frames; what is in front of them, its choices, is put first. */
export class WireBuilder {
  #end = 0;
  readonly #encoder = new HpackEncoder(4096);

  /** Whether the input is as long as an input may be. */
  get full(): boolean {
    return this.#end >= INPUT_BYTES_MAX;
  }

  get length(): number {
    return this.#end;
  }

  put(bytes: Uint8Array): this {
    scratch.set(bytes, this.#end);
    this.#end += bytes.length;
    return this;
  }

  byte(value: number): this {
    scratch[this.#end++] = value;
    return this;
  }

  uint32(value: number): this {
    return this.byte(value >>> 24).byte(value >>> 16).byte(value >>> 8).byte(value);
  }

  /** A frame whose payload `fill` puts; its length is right unless `lengthOff` makes it wrong. */
  frame(type: number, flags: number, id: number, fill: () => void, lengthOff = 0): this {
    if (this.full) return this;
    const at = this.#end;
    this.#end += 9;
    fill();
    const end = this.#end;
    const length = Math.max(0, end - at - 9 + lengthOff);
    this.#end = at;
    this.byte(length >>> 16).byte(length >>> 8).byte(length).byte(type).byte(flags).uint32(id);
    this.#end = end;
    return this;
  }

  /** A header block as a good peer writes it: what it inserts later blocks refer to. */
  block(fields: HeaderList): Uint8Array {
    const bytes = new Uint8Array(this.#encoder.encodedLengthMax(fields));
    return bytes.subarray(0, this.#encoder.encode(fields, bytes, 0));
  }

  finish(): Uint8Array {
    return scratch.slice(0, Math.min(this.#end, INPUT_BYTES_MAX));
  }
}

/** The parts one behind the other. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
