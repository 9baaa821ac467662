import { type WireReader, WireType } from "../../protobuf/wire.ts";
import type { Datatype, FixedArray, FixedDatatype } from "../../tensor/datatype.ts";
import { CONTENT_FIELDS, CONTENT_WIRE_TYPES, contentField } from "./content_field.ts";
import type { ElementMemory } from "./element_memory.ts";
import { tensorError } from "./tensor_error.ts";

/** Where a tensor's InferTensorContents stand in a message: several mean their elements one behind another. */
export interface ContentSpans {
  readonly name: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

const BYTES_FIELD = 8;

/**
 * How many elements the contents have, which nothing was allocated for yet.
 *
 * @throws {OperationError} `invalid-argument` naming the tensor when they stand in another datatype's field
 * @throws {RangeError} when the bytes are no such message
 */
export function countElements(
  reader: WireReader,
  spans: ContentSpans,
  datatype: Datatype,
): number {
  const field = contentField(datatype);
  let count = 0;
  for (let i = 0; i < spans.starts.length; i++) {
    reader.reset(reader.bytes, spans.starts[i], spans.ends[i]);
    while (reader.more) {
      const tag = reader.readTag();
      const number = tag >>> 3;
      const found = isContents(tag) ? countField(reader, tag) : skip(reader, tag);
      if (found > 0 && number !== field) {
        const needed = field === undefined ? "raw contents" : CONTENT_FIELDS[field];
        throw tensorError(
          spans.name,
          `its data are ${CONTENT_FIELDS[number]}, ${datatype} needs ${needed}`,
        );
      }
      count += found;
    }
  }
  return count;
}

/**
 * The elements of the contents, in the memory given.
 *
 * @param count as `countElements` told
 * @throws {OperationError} `invalid-argument` naming the tensor for a number that its datatype cannot hold
 * @throws {RangeError} when the bytes are no such message
 */
export function readContents(
  reader: WireReader,
  spans: ContentSpans,
  datatype: FixedDatatype,
  count: number,
  memory: ElementMemory,
): FixedArray {
  const elements = memory.take(datatype, count);
  const field = contentField(datatype);
  let at = 0;
  forEachField(reader, spans, field, (tag) => {
    const packed = (tag & 7) === WireType.LENGTH;
    const outerEnd = packed ? reader.enter() : reader.end;
    if (field !== undefined && field >= 6) {
      at = copyFixed(reader, elements, at, packed ? reader.end - reader.at : undefined);
    } else if (packed) {
      while (reader.more) readVarint(reader, spans.name, datatype, elements, at++);
    } else {
      readVarint(reader, spans.name, datatype, elements, at++);
    }
    reader.leave(outerEnd);
  });
  return elements;
}

/** The elements of a BYTES tensor. */
export function readBytesContents(
  reader: WireReader,
  spans: ContentSpans,
  memory: ElementMemory,
): Uint8Array[] {
  const elements: Uint8Array[] = [];
  forEachField(reader, spans, BYTES_FIELD, () => {
    const length = reader.readLength();
    const start = reader.at;
    reader.skipBytes(length);
    elements.push(memory.slice(reader.bytes, start, start + length));
  });
  return elements;
}

/** @param read reads the field behind its tag */
function forEachField(
  reader: WireReader,
  spans: ContentSpans,
  field: number | undefined,
  read: (tag: number) => void,
): void {
  for (let i = 0; i < spans.starts.length; i++) {
    reader.reset(reader.bytes, spans.starts[i], spans.ends[i]);
    while (reader.more) {
      const tag = reader.readTag();
      if (tag >>> 3 === field && isContents(tag)) read(tag);
      else reader.skipField(tag);
    }
  }
}

/** Whether a field is one of the contents', packed or not; one of another wire type is unknown. */
function isContents(tag: number): boolean {
  const number = tag >>> 3;
  if (number >= CONTENT_FIELDS.length) return false;
  return (tag & 7) === WireType.LENGTH || (tag & 7) === CONTENT_WIRE_TYPES[number];
}

/** Moves over a field of the contents; returns how many elements it has. */
function countField(reader: WireReader, tag: number): number {
  const unpackedType = CONTENT_WIRE_TYPES[tag >>> 3];
  if ((tag & 7) === unpackedType) return skip(reader, tag) + 1;
  const length = reader.readLength();
  const start = reader.at;
  reader.skipBytes(length);
  if (unpackedType === WireType.VARINT) return countVarints(reader.bytes, start, length);
  const size = unpackedType === WireType.FIXED32 ? 4 : 8;
  if (length % size === 0) return length / size;
  throw new RangeError(`packed field of ${length} bytes, need a multiple of ${size}`);
}

function skip(reader: WireReader, tag: number): number {
  reader.skipField(tag);
  return 0;
}

/** Each varint has one last byte. */
function countVarints(bytes: Uint8Array, start: number, length: number): number {
  let count = 0;
  for (let i = start; i < start + length; i++) count += bytes[i] < 0x80 ? 1 : 0;
  return count;
}

/** Copies floats, which stand as they are held; returns the index behind them. */
function copyFixed(
  reader: WireReader,
  elements: FixedArray,
  at: number,
  length = elements.BYTES_PER_ELEMENT,
): number {
  const size = elements.BYTES_PER_ELEMENT;
  const start = reader.at;
  reader.skipBytes(length);
  const target = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  target.set(reader.bytes.subarray(start, start + length), at * size);
  return at + length / size;
}

function readVarint(
  reader: WireReader,
  name: string,
  datatype: FixedDatatype,
  elements: FixedArray,
  at: number,
): void {
  switch (datatype) {
    case "BOOL":
      (elements as Uint8Array)[at] = reader.readBool() ? 1 : 0;
      return;
    case "INT64":
    case "UINT64":
      (elements as BigInt64Array)[at] = reader.readInt64();
      return;
    default: {
      const bits = reader.readVarint32();
      const value = datatype.startsWith("U") ? bits : bits | 0;
      (elements as Int32Array)[at] = value;
      if (elements[at] === value) return;
      throw tensorError(name, `element ${at} is ${value}, which ${datatype} cannot hold`);
    }
  }
}
