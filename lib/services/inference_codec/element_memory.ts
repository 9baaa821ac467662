import { INFER_SCRATCH_BYTES_MAX } from "../../limits.ts";
import {
  allocateElements,
  elementBytes,
  type FixedArray,
  type FixedDatatype,
  viewElements,
} from "../../tensor/datatype.ts";

/** Where the elements of tensors that are decoded stand. */
export interface ElementMemory {
  /** Before each message. */
  reset(): void;
  /** Room for elements that the caller writes, all of them. */
  take(datatype: FixedDatatype, count: number): FixedArray;
  /** The elements that stand in `bytes` from `start` on in little-endian order. */
  read(datatype: FixedDatatype, count: number, bytes: Uint8Array, start: number): FixedArray;
  /** The bytes themselves. */
  slice(bytes: Uint8Array, start: number, end: number): Uint8Array;
}

/** Memory of each tensor's own: for messages that outlive the call of their codec. */
export class OwnMemory implements ElementMemory {
  reset(): void {}

  take(datatype: FixedDatatype, count: number): FixedArray {
    return allocateElements(datatype, count);
  }

  read(datatype: FixedDatatype, count: number, bytes: Uint8Array, start: number): FixedArray {
    const copy = bytes.slice(start, start + count * elementBytes(datatype));
    return viewElements(datatype, copy.buffer, 0, count);
  }

  slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return bytes.slice(start, end);
  }
}

/** Up to this many bytes a copy by a loop costs less than the view that no copy needs. */
const LOOP_COPY_BYTES_MAX = 128;

const SCRATCH_BYTES_MIN = 4_096;

/** The largest element, and so what all places are a multiple of. */
const ALIGNMENT_BYTES = 8;

/** Views that are kept, one for each of the first tensors of a message: the next one often has the same. */
const VIEWS_MAX = 16;

interface View {
  readonly datatype: FixedDatatype;
  readonly at: number;
  readonly count: number;
  readonly elements: FixedArray;
}

/**
 * Memory that is used again for the next message, and the message's own bytes where elements stand
 * aligned in them: for handlers that have read all tensors when they return.
 *
 * Raw tensors stand at any place of a message, so most must be copied. A copy into memory that is there
 * costs a third of one into new memory. Messages of more than INFER_SCRATCH_BYTES_MAX get new memory.
 */
export class ScratchMemory implements ElementMemory {
  #bytes = new Uint8Array(SCRATCH_BYTES_MIN);
  readonly #views: View[] = [];
  #at = 0;
  #index = 0;
  /** What the message at hand would have liked to have. */
  #wantedBytes = 0;

  reset(): void {
    if (this.#wantedBytes > this.#bytes.length) this.#grow();
    this.#at = 0;
    this.#index = 0;
    this.#wantedBytes = 0;
  }

  take(datatype: FixedDatatype, count: number): FixedArray {
    const at = this.#place(count * elementBytes(datatype));
    return at === undefined ? allocateElements(datatype, count) : this.#view(datatype, at, count);
  }

  read(datatype: FixedDatatype, count: number, bytes: Uint8Array, start: number): FixedArray {
    const size = elementBytes(datatype);
    const length = count * size;
    const offset = bytes.byteOffset + start;
    if (length > LOOP_COPY_BYTES_MAX && offset % size === 0) {
      return viewElements(datatype, bytes.buffer, offset, count);
    }
    const at = this.#place(length);
    if (at === undefined) {
      return viewElements(datatype, bytes.slice(start, start + length).buffer, 0, count);
    }
    const scratch = this.#bytes;
    if (length > LOOP_COPY_BYTES_MAX) scratch.set(bytes.subarray(start, start + length), at);
    else for (let i = 0; i < length; i++) scratch[at + i] = bytes[start + i];
    return this.#view(datatype, at, count);
  }

  slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return bytes.subarray(start, end);
  }

  /** Where so many bytes are free; `undefined` when they are not. */
  #place(length: number): number | undefined {
    this.#wantedBytes += Math.ceil(length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    const at = this.#at;
    if (length > this.#bytes.length - at) return undefined;
    this.#at = Math.min(this.#wantedBytes, this.#bytes.length);
    return at;
  }

  #view(datatype: FixedDatatype, at: number, count: number): FixedArray {
    const index = this.#index++;
    const view = this.#views[index];
    if (view !== undefined && view.count === count && view.at === at) {
      if (view.datatype === datatype) return view.elements;
    }
    const elements = viewElements(datatype, this.#bytes.buffer, at, count);
    if (index < VIEWS_MAX) this.#views[index] = { datatype, at, count, elements };
    return elements;
  }

  #grow(): void {
    let length = this.#bytes.length;
    while (length < this.#wantedBytes && length < INFER_SCRATCH_BYTES_MAX) length *= 2;
    if (length === this.#bytes.length) return;
    this.#bytes = new Uint8Array(length);
    this.#views.length = 0;
  }
}
