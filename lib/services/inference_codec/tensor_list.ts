import { BYTES_ELEMENTS_MAX, INFER_TENSORS_MAX } from "../../limits.ts";
import type { NameCache } from "../../protobuf/name_cache.ts";
import type { WireReader } from "../../protobuf/wire.ts";
import { DATATYPES, elementBytes, isDatatype } from "../../tensor/datatype.ts";
import { readRaw } from "../../tensor/raw_bytes.ts";
import { elementCount, type Tensor } from "../../tensor/tensor.ts";
import { OperationError, quoted } from "../../errors.ts";
import { countElements, readBytesContents, readContents } from "./contents_reader.ts";
import type { ElementMemory } from "./element_memory.ts";
import { tensorError } from "./tensor_error.ts";
import { TensorHead } from "./tensor_head.ts";

/** What the heads of tensors are called, and their raw data. */
export interface TensorRole {
  readonly tensors: "inputs" | "outputs";
  readonly raw: "raw_input_contents" | "raw_output_contents";
}

/** Up to this many names are compared each with each. */
const COMPARED_NAMES_MAX = 8;

/**
 * The tensors of the message that a codec reads: heads, contents and raw data come in any order, so they
 * are noted where they stand, and read when all are there.
 */
export class TensorList {
  readonly #role: TensorRole;
  readonly #names: NameCache;
  readonly #memory: ElementMemory;
  readonly #heads: TensorHead[] = [];
  readonly #rawStarts: number[] = [];
  readonly #rawEnds: number[] = [];
  /** Of raw data that were noted; the arrays keep what they had, since emptying one gives up its memory. */
  #rawCount = 0;
  #count = 0;
  #bytesElements = 0;

  constructor(role: TensorRole, names: NameCache, memory: ElementMemory) {
    this.#role = role;
    this.#names = names;
    this.#memory = memory;
  }

  /** Begins a message. */
  reset(): void {
    this.#count = 0;
    this.#bytesElements = 0;
    this.#rawCount = 0;
    this.#memory.reset();
  }

  /** Whether data travel raw: unless any tensor has typed contents in place of them. */
  get raw(): boolean {
    if (this.#rawCount > 0) return true;
    for (let i = 0; i < Math.min(this.#count, INFER_TENSORS_MAX); i++) {
      if (this.#heads[i].starts.length > 0) return false;
    }
    return true;
  }

  /** Notes the head, and where the contents stand, of a tensor that is the reader's next field. */
  readHead(reader: WireReader): void {
    const index = this.#count++;
    if (index >= INFER_TENSORS_MAX) return reader.skipBytes(reader.readLength());
    const head = this.#heads[index] ??= new TensorHead();
    head.read(reader, this.#names);
  }

  /** Notes where raw data stand. */
  readRaw(reader: WireReader): void {
    const length = reader.readLength();
    if (this.#rawCount <= INFER_TENSORS_MAX) {
      this.#rawStarts[this.#rawCount] = reader.at;
      this.#rawEnds[this.#rawCount++] = reader.at + length;
    }
    reader.skipBytes(length);
  }

  /**
   * The tensors that were noted, in order, from the bytes that `reader` was reading.
   *
   * @throws {OperationError} `invalid-argument` naming the tensor and what is wrong with it
   * @throws {RangeError} when typed contents are no such message
   */
  tensors(reader: WireReader): Tensor[] {
    this.#assertWhole();
    const list: Tensor[] = [];
    for (let index = 0; index < this.#count; index++) {
      const head = this.#heads[index];
      const raw = this.#rawCount > 0;
      list.push(raw ? this.#rawTensor(reader, head, index) : this.#typed(reader, head));
    }
    return list;
  }

  /** Makes sure that each tensor has its data in one place, and a name of its own. */
  #assertWhole(): void {
    const count = this.#count;
    const { tensors, raw } = this.#role;
    if (count > INFER_TENSORS_MAX) throw refused(tensors, `${count}, at most ${INFER_TENSORS_MAX}`);
    this.#assertNamesDiffer();
    const rawCount = this.#rawCount;
    for (let index = 0; index < count; index++) {
      const head = this.#heads[index];
      if (head.usesSharedMemory) throw tensorError(head.name, "it is in shared memory, need data");
      // MLServer sends contents without elements beside raw data.
      if (rawCount > 0 && head.hasElements) {
        throw tensorError(head.name, `both contents and ${raw}, need one of them`);
      }
    }
    if (rawCount > 0 && rawCount !== count) {
      throw refused(tensors, `${count} with ${rawCount} ${raw}, need one for each`);
    }
  }

  #rawTensor(reader: WireReader, head: TensorHead, index: number): Tensor {
    const { name, datatype } = head;
    const { bytes } = reader;
    const shape = head.checkedShape();
    const start = this.#rawStarts[index];
    const end = this.#rawEnds[index];
    if (!isDatatype(datatype)) throw unknownDatatype(head);
    const count = elementCount(shape);
    if (datatype === "BYTES") {
      this.#countBytes(name, count);
      return readRaw({ name, datatype, shape }, this.#memory.slice(bytes, start, end));
    }
    // What is wrong with the data, or rarely comes, is told and read there.
    if (end - start !== count * elementBytes(datatype) || datatype === "BOOL") {
      return readRaw({ name, datatype, shape }, this.#memory.slice(bytes, start, end));
    }
    return { name, datatype, shape, data: this.#memory.read(datatype, count, bytes, start) };
  }

  #typed(reader: WireReader, head: TensorHead): Tensor {
    const { name, datatype } = head;
    const shape = head.checkedShape();
    if (!isDatatype(datatype)) throw unknownDatatype(head);
    const found = countElements(reader, head, datatype);
    const needed = elementCount(shape);
    if (found !== needed) {
      throw tensorError(name, `${found} elements, shape [${shape}] needs ${needed}`);
    }
    if (datatype !== "BYTES") {
      const data = readContents(reader, head, datatype, found, this.#memory);
      return { name, datatype, shape, data };
    }
    this.#countBytes(name, found);
    return { name, datatype, shape, data: readBytesContents(reader, head, this.#memory) };
  }

  #countBytes(name: string, count: number): void {
    this.#bytesElements += count;
    if (this.#bytesElements <= BYTES_ELEMENTS_MAX) return;
    throw tensorError(
      name,
      `${this.#bytesElements} elements of BYTES up to it, at most ${BYTES_ELEMENTS_MAX}`,
    );
  }

  #assertNamesDiffer(): void {
    const heads = this.#heads;
    const count = this.#count;
    if (count > COMPARED_NAMES_MAX) {
      const names = new Set<string>();
      for (let i = 0; i < count; i++) {
        if (names.has(heads[i].name)) throw tensorError(heads[i].name, "it is there twice");
        names.add(heads[i].name);
      }
      return;
    }
    for (let i = 1; i < count; i++) {
      for (let j = 0; j < i; j++) {
        if (heads[i].name === heads[j].name) throw tensorError(heads[i].name, "it is there twice");
      }
    }
  }
}

function unknownDatatype({ name, datatype }: TensorHead): OperationError {
  return tensorError(
    name,
    `its datatype is ${quoted(datatype)}, need one of ${DATATYPES.join(", ")}`,
  );
}

function refused(tensors: string, what: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read ${tensors}: ${what}`);
}
