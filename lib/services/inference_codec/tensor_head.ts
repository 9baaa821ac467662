import { TENSOR_DIMENSIONS_MAX } from "../../limits.ts";
import type { NameCache } from "../../protobuf/name_cache.ts";
import { type WireReader, WireType } from "../../protobuf/wire.ts";
import { readEntryKey } from "./parameters.ts";
import { tensorError } from "./tensor_error.ts";

const NAME_TAG = (1 << 3) | WireType.LENGTH;
const DATATYPE_TAG = (2 << 3) | WireType.LENGTH;
const SHAPE_TAG = (3 << 3) | WireType.LENGTH;
const SHAPE_UNPACKED_TAG = (3 << 3) | WireType.VARINT;
const PARAMETER_TAG = (4 << 3) | WireType.LENGTH;
const CONTENTS_TAG = (5 << 3) | WireType.LENGTH;

/** An InferInputTensor or InferOutputTensor, apart from its data. Used again from message to message. */
export class TensorHead {
  name = "";
  datatype = "";
  usesSharedMemory = false;
  /** Where its contents stand in the message; none when it has none. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  #shape: number[] = [];
  #dimensions = 0;

  /** Whether its contents have bytes: they may be there and have none. */
  get hasElements(): boolean {
    return this.starts.some((start, index) => this.ends[index] > start);
  }

  /** Reads the message that is the reader's next field. */
  read(reader: WireReader, names: NameCache): void {
    this.name = "";
    this.datatype = "";
    this.usesSharedMemory = false;
    this.#shape = [];
    this.#dimensions = 0;
    if (this.starts.length > 0) {
      this.starts.length = 0;
      this.ends.length = 0;
    }
    const outerEnd = reader.enter();
    while (reader.more) this.#readField(reader, names);
    reader.leave(outerEnd);
  }

  /**
   * The shape, a new array.
   *
   * @throws {OperationError} `invalid-argument` for what is no dimension, or too many of them
   */
  checkedShape(): number[] {
    const shape = this.#shape;
    if (this.#dimensions > TENSOR_DIMENSIONS_MAX) {
      throw tensorError(
        this.name,
        `${this.#dimensions} dimensions, at most ${TENSOR_DIMENSIONS_MAX}`,
      );
    }
    for (let axis = 0; axis < shape.length; axis++) {
      if (shape[axis] >= 0 && shape[axis] <= Number.MAX_SAFE_INTEGER) continue;
      throw tensorError(
        this.name,
        `its shape is [${shape}], each dimension needs to be 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    return shape;
  }

  #readField(reader: WireReader, names: NameCache): void {
    const tag = reader.readTag();
    switch (tag) {
      case NAME_TAG:
        this.name = names.read(reader);
        return;
      case DATATYPE_TAG:
        this.datatype = names.read(reader);
        return;
      case SHAPE_TAG:
        return this.#readShape(reader);
      case SHAPE_UNPACKED_TAG:
        return this.#addDimension(reader.readInt64Number());
      case PARAMETER_TAG:
        if (readEntryKey(reader, names) === "shared_memory_region") this.usesSharedMemory = true;
        return;
      case CONTENTS_TAG:
        return this.#noteContents(reader);
      default:
        reader.skipField(tag);
    }
  }

  #readShape(reader: WireReader): void {
    const outerEnd = reader.enter();
    while (reader.more) this.#addDimension(reader.readInt64Number());
    reader.leave(outerEnd);
  }

  #addDimension(dimension: number): void {
    if (this.#dimensions++ < TENSOR_DIMENSIONS_MAX) this.#shape.push(dimension);
  }

  #noteContents(reader: WireReader): void {
    const length = reader.readLength();
    this.starts.push(reader.at);
    this.ends.push(reader.at + length);
    reader.skipBytes(length);
  }
}
