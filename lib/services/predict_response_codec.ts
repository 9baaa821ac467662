import type { Codec } from "../grpc/codec.ts";
import { varintBytes, WireReader, WireType, writeVarint } from "../protobuf/wire.ts";
import type { PredictResponse } from "./modelserver_contract.ts";

const OUTPUT_TAG = (1 << 3) | WireType.FIXED32;
const CACHE_HIT_TAG = (2 << 3) | WireType.VARINT;
const ERROR_TAG = (3 << 3) | WireType.LENGTH;

/** A tag and a float, a tag and a bool. */
const FIXED_BYTES_MAX = 7;

/** UTF-8 takes at most three bytes for each UTF-16 unit. */
const UTF8_BYTES_MAX = 3;

/**
 * PredictResponse by hand: reads what proto-loader does, and writes what protoc's code does.
 *
 * A field at its default is left out; an output of `-0` is not the default, as its bits differ.
 * A lone surrogate in `error` becomes U+FFFD. A field of a wire type that is not its own is skipped
 * as unknown, which proto-loader misreads.
 */
export class PredictResponseCodec implements Codec<PredictResponse> {
  readonly #reader = new WireReader();
  readonly #float = new Float32Array(1);
  readonly #floatBytes = new Uint8Array(this.#float.buffer);
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  decode(bytes: Uint8Array, start: number, end: number): PredictResponse {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    let output = 0;
    let cache_hit = false;
    let error = "";
    while (reader.more) {
      const tag = reader.readTag();
      if (tag === OUTPUT_TAG) output = this.#readFloat();
      else if (tag === CACHE_HIT_TAG) cache_hit = reader.readBool();
      else if (tag === ERROR_TAG) error = this.#readString(reader.readLength());
      else reader.skipField(tag);
    }
    return { output, cache_hit, error };
  }

  encodedBytesMax({ error }: PredictResponse): number {
    if (error === "") return FIXED_BYTES_MAX;
    const errorBytesMax = error.length * UTF8_BYTES_MAX;
    return FIXED_BYTES_MAX + 1 + varintBytes(errorBytesMax) + errorBytesMax;
  }

  encode({ output, cache_hit, error }: PredictResponse, bytes: Uint8Array, offset: number): number {
    let at = offset;
    this.#float[0] = output;
    if (!Object.is(this.#float[0], 0)) {
      bytes[at++] = OUTPUT_TAG;
      for (let i = 0; i < 4; i++) bytes[at++] = this.#floatBytes[i];
    }
    if (cache_hit) {
      bytes[at++] = CACHE_HIT_TAG;
      bytes[at++] = 1;
    }
    if (error !== "") {
      const text = this.#encoder.encode(error);
      bytes[at++] = ERROR_TAG;
      at = writeVarint(text.length, bytes, at);
      bytes.set(text, at);
      at += text.length;
    }
    return at;
  }

  #readFloat(): number {
    const reader = this.#reader;
    const from = reader.at;
    reader.skipBytes(4);
    for (let i = 0; i < 4; i++) this.#floatBytes[i] = reader.bytes[from + i];
    return this.#float[0];
  }

  #readString(length: number): string {
    const reader = this.#reader;
    const from = reader.at;
    reader.skipBytes(length);
    return this.#decoder.decode(reader.bytes.subarray(from, reader.at));
  }
}
