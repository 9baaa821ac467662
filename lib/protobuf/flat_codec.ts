import { readText, textBytesMax, writeText } from "./text.ts";
import { INT64_BYTES_MAX, WireReader, WireType, writeInt64 } from "./wire.ts";

/** What a field of a flat message holds, in JavaScript's types. */
interface Kinds {
  readonly string: string;
  readonly int64: bigint;
  readonly bool: boolean;
}

/** The kind of field that holds a value of that type. */
type KindFor<Value> = { [Kind in keyof Kinds]: Value extends Kinds[Kind] ? Kind : never }[
  keyof Kinds
];

/** A message's fields in the order of their numbers, which go from 1 up without a gap. */
export type FlatFields<Message> = { readonly [Name in keyof Message]: KindFor<Message[Name]> };

interface Field {
  readonly name: string;
  readonly kind: keyof Kinds;
  readonly tag: number;
}

type Values = Record<string, string | bigint | boolean>;

const DEFAULTS = { string: "", int64: 0n, bool: false } as const;

const WIRE_TYPES = {
  string: WireType.LENGTH,
  int64: WireType.VARINT,
  bool: WireType.VARINT,
} as const;

/** Tags of one byte reach field number 15. */
const FIELDS_MAX = 15;

/**
 * Reads and writes messages of a few strings, int64 numbers and booleans: int64 as bigint, exact.
 *
 * A field at its default is left out, unknown fields are skipped, and the last of several occurrences
 * counts, as protobuf has it. Text that is not UTF-8 is an error, as in other proto3 libraries: two
 * texts that differ never become one. A field of a wire type that is not its own is skipped as unknown.
 *
 * Source: protobuf.dev, "Encoding".
 *
 * @example
 * ```ts
 * import { FlatCodec } from "./flat_codec.ts";
 * const codec = new FlatCodec<{ readonly key: string; readonly value: bigint }>({
 *   key: "string",
 *   value: "int64",
 * });
 * const message = { key: "A", value: -1n };
 * const bytes = new Uint8Array(codec.encodedBytesMax(message));
 * const end = codec.encode(message, bytes, 0);
 * if (codec.decode(bytes, 0, end).value !== -1n) throw new Error("Wrong");
 * ```
 */
export class FlatCodec<Message> {
  readonly #fields: readonly Field[];
  readonly #reader = new WireReader();

  constructor(fields: FlatFields<Message>) {
    const kinds = Object.entries<keyof Kinds>(fields);
    if (kinds.length > FIELDS_MAX) {
      throw new RangeError(`Cannot make a codec: ${kinds.length} fields, at most ${FIELDS_MAX}`);
    }
    this.#fields = kinds.map(([name, kind], index) => ({
      name,
      kind,
      tag: ((index + 1) << 3) | WIRE_TYPES[kind],
    }));
  }

  /** @throws {RangeError | TypeError} when the bytes are no such message. */
  decode(bytes: Uint8Array, start: number, end: number): Message {
    const values: Values = {};
    for (const { name, kind } of this.#fields) values[name] = DEFAULTS[kind];
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    while (reader.more) {
      const tag = reader.readTag();
      const field = this.#fields[(tag >>> 3) - 1];
      if (field?.tag === tag) values[field.name] = this.#read(field.kind);
      else reader.skipField(tag);
    }
    // What the fields' kinds give is what the message's type says.
    return values as Message;
  }

  encodedBytesMax(message: Message): number {
    const values = message as Values;
    let bytesMax = 0;
    for (const { name } of this.#fields) {
      const value = values[name];
      bytesMax += 1 + (typeof value === "string" ? textBytesMax(value) : INT64_BYTES_MAX);
    }
    return bytesMax;
  }

  encode(message: Message, bytes: Uint8Array, offset: number): number {
    const values = message as Values;
    let at = offset;
    for (const { name, tag } of this.#fields) {
      const value = values[name];
      if (value === "" || value === 0n || value === false) continue;
      bytes[at++] = tag;
      if (typeof value === "string") at = writeText(value, bytes, at);
      else at = writeInt64(BigInt(value), bytes, at);
    }
    return at;
  }

  #read(kind: keyof Kinds): string | bigint | boolean {
    const reader = this.#reader;
    if (kind === "string") return readText(reader);
    const number = reader.readInt64();
    return kind === "int64" ? number : number !== 0n;
  }
}
