import { OperationError, quoted } from "../../errors.ts";
import type { ParameterValue } from "../../inference/infer.ts";
import { INFER_PARAMETERS_MAX } from "../../limits.ts";
import type { NameCache } from "../../protobuf/name_cache.ts";
import { readText, textBytes, writeText } from "../../protobuf/text.ts";
import {
  int64Bytes,
  varintBytes,
  type WireReader,
  WireType,
  writeInt64,
  writeVarint,
} from "../../protobuf/wire.ts";

type Parameters = Readonly<Record<string, ParameterValue>>;

/** Fields of an entry of the map. */
const KEY_TAG = (1 << 3) | WireType.LENGTH;
const VALUE_TAG = (2 << 3) | WireType.LENGTH;

/** Fields of an InferParameter, of which the last is the one. */
const BOOL_TAG = (1 << 3) | WireType.VARINT;
const INT64_TAG = (2 << 3) | WireType.VARINT;
const STRING_TAG = (3 << 3) | WireType.LENGTH;
const DOUBLE_TAG = (4 << 3) | WireType.FIXED64;
const UINT64_TAG = (5 << 3) | WireType.VARINT;

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/**
 * Reads a `map<string, InferParameter>`, an entry at a time. The last of several values of a name counts;
 * a name without a value is left out.
 *
 * Integers are numbers as far as those are exact, so that a parameter is the same whichever protocol it
 * came by; larger ones are bigints.
 */
export class ParameterReader {
  #values: Record<string, ParameterValue> | undefined;
  #entries = 0;

  reset(): void {
    this.#values = undefined;
    this.#entries = 0;
  }

  /** Reads an entry, which is the reader's next field. */
  readEntry(reader: WireReader, names: NameCache): void {
    let key = "";
    let value: ParameterValue | undefined;
    const outerEnd = reader.enter();
    while (reader.more) {
      const tag = reader.readTag();
      if (tag === KEY_TAG) key = names.read(reader);
      else if (tag === VALUE_TAG) value = readParameter(reader) ?? value;
      else reader.skipField(tag);
    }
    reader.leave(outerEnd);
    if (++this.#entries > INFER_PARAMETERS_MAX || value === undefined) return;
    // Without a prototype: the names are a stranger's.
    this.#values ??= Object.create(null) as Record<string, ParameterValue>;
    this.#values[key] = value;
  }

  /**
   * Takes an integer from 0 out of what was read.
   *
   * @returns `undefined` when there is none of that name
   * @throws {OperationError} `invalid-argument` naming the parameter when it is something else
   */
  takeInteger(name: string): number | undefined {
    const value = this.#values?.[name];
    if (this.#values === undefined || value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      const found = typeof value === "string" ? quoted(value) : String(value);
      throw new OperationError(
        "invalid-argument",
        `Cannot read parameter "${name}": found ${found}, need an integer from 0`,
      );
    }
    delete this.#values[name];
    return value;
  }

  /**
   * What is left of what was read; `undefined` when nothing is.
   *
   * @throws {OperationError} `invalid-argument` when there were more than INFER_PARAMETERS_MAX
   */
  values(): Parameters | undefined {
    if (this.#entries > INFER_PARAMETERS_MAX) {
      throw new OperationError(
        "invalid-argument",
        `Cannot read parameters: ${this.#entries}, at most ${INFER_PARAMETERS_MAX}`,
      );
    }
    for (const _name in this.#values) return this.#values;
    return undefined;
  }
}

/** Moves over an entry that is the reader's next field; returns its key. */
export function readEntryKey(reader: WireReader, names: NameCache): string {
  let key = "";
  const outerEnd = reader.enter();
  while (reader.more) {
    const tag = reader.readTag();
    if (tag === KEY_TAG) key = names.read(reader);
    else reader.skipField(tag);
  }
  reader.leave(outerEnd);
  return key;
}

function readParameter(reader: WireReader): ParameterValue | undefined {
  let value: ParameterValue | undefined;
  const outerEnd = reader.enter();
  while (reader.more) {
    const tag = reader.readTag();
    if (tag === BOOL_TAG) value = reader.readBool();
    else if (tag === INT64_TAG) value = numberOf(reader.readInt64());
    else if (tag === STRING_TAG) value = readText(reader);
    else if (tag === DOUBLE_TAG) value = readDouble(reader);
    else if (tag === UINT64_TAG) value = numberOf(BigInt.asUintN(64, reader.readInt64()));
    else reader.skipField(tag);
  }
  reader.leave(outerEnd);
  return value;
}

function numberOf(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

function readDouble(reader: WireReader): number {
  const from = reader.at;
  reader.skipBytes(8);
  for (let i = 0; i < 8; i++) doubleBytes[i] = reader.bytes[from + i];
  return double[0];
}

/** The bytes of parameters as entries of a map whose tag is one byte. */
export function parametersBytes(parameters: Parameters): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(parameters)) {
    const entry = entryBytes(key, value);
    bytes += 1 + varintBytes(entry) + entry;
  }
  return bytes;
}

/** Writes parameters as entries of the map of that tag; returns the end offset. */
export function writeParameters(
  tag: number,
  parameters: Parameters,
  bytes: Uint8Array,
  offset: number,
): number {
  let at = offset;
  for (const [key, value] of Object.entries(parameters)) {
    bytes[at++] = tag;
    at = writeVarint(entryBytes(key, value), bytes, at);
    bytes[at++] = KEY_TAG;
    at = writeText(key, bytes, at);
    bytes[at++] = VALUE_TAG;
    at = writeVarint(valueBytes(value), bytes, at);
    at = writeValue(value, bytes, at);
  }
  return at;
}

function entryBytes(key: string, value: ParameterValue): number {
  const length = valueBytes(value);
  return 1 + textBytes(key) + 1 + varintBytes(length) + length;
}

function valueBytes(value: ParameterValue): number {
  if (typeof value === "boolean") return 2;
  if (typeof value === "string") return 1 + textBytes(value);
  const integer = integerOf(value);
  return 1 + (integer === undefined ? 8 : int64Bytes(integer));
}

function writeValue(value: ParameterValue, bytes: Uint8Array, offset: number): number {
  let at = offset;
  if (typeof value === "string") {
    bytes[at++] = STRING_TAG;
    return writeText(value, bytes, at);
  }
  if (typeof value === "boolean") {
    bytes[at++] = BOOL_TAG;
    bytes[at++] = value ? 1 : 0;
    return at;
  }
  const integer = integerOf(value);
  if (integer === undefined) {
    bytes[at++] = DOUBLE_TAG;
    double[0] = Number(value);
    bytes.set(doubleBytes, at);
    return at + 8;
  }
  bytes[at++] = integer >= 2n ** 63n ? UINT64_TAG : INT64_TAG;
  return writeInt64(integer, bytes, at);
}

/** The integer that travels; `undefined` for what travels as a double. */
function integerOf(value: number | bigint): bigint | undefined {
  if (typeof value === "bigint") return value;
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : undefined;
}
