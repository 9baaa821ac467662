import { OperationError } from "../errors.ts";
import {
  allocateElements,
  elementBytes,
  type FixedArray,
  type FixedDatatype,
  viewElements,
} from "../tensor/datatype.ts";
import { elementCount } from "../tensor/tensor.ts";
import { quote } from "./quote.ts";

/** Elements that tensors are views of. */
export interface Storage {
  readonly datatype: FixedDatatype;
  readonly elements: number;
  /** Aligned to the element's size. */
  readonly bytes: Uint8Array;
}

/** Which of them a tensor is, in elements. */
export interface StridedView {
  readonly offset: number;
  readonly shape: readonly number[];
  /** As many as dimensions, none negative. */
  readonly strides: readonly number[];
}

/** The tensors of one file together have at most so many times its bytes: tied weights are there twice. */
const TENSORS_PER_FILE_MAX = 4;

/**
 * How many bytes the tensors of a file may still have. A pickle can name the same elements again and again,
 * and whoever copies its tensors, as we do those that are transposed, would need any amount of memory.
 */
export class TensorBudget {
  #bytesLeft: number;

  constructor(fileBytes: number) {
    this.#bytesLeft = TENSORS_PER_FILE_MAX * fileBytes;
  }

  /** Whether so many bytes are left, which are counted. */
  take(bytes: number): boolean {
    if (bytes > this.#bytesLeft) return false;
    this.#bytesLeft -= bytes;
    return true;
  }
}

/**
 * The elements of a tensor, row-major: a view where they stand so, a copy where they do not.
 *
 * @param name for error messages
 * @throws {OperationError} `invalid-argument` when the tensor reaches past its storage, or has more elements
 *   than it, or when the tensors of the file become too many for its bytes
 */
export function readStrided(
  name: string,
  storage: Storage,
  view: StridedView,
  budget: TensorBudget,
): FixedArray {
  const { datatype, bytes, elements } = storage;
  const { offset, shape, strides } = view;
  const count = elementCount(shape);
  const size = elementBytes(datatype);
  if (count === 0) return allocateElements(datatype, 0);
  const last = shape.reduce(
    (sum, dimension, axis) => sum + (dimension - 1) * strides[axis],
    offset,
  );
  if (!(last < elements)) {
    throw refusal(name, `it reaches element ${last} of a storage of ${elements}`);
  }
  if (count > elements) {
    throw refusal(name, `it has ${count} elements in a storage of ${elements}; save a clone of it`);
  }
  if (!budget.take(count * size)) {
    throw refusal(name, "too many tensors of the file have the same elements; save clones of them");
  }
  if (isRowMajor(shape, strides)) {
    return viewElements(datatype, bytes.buffer, bytes.byteOffset + offset * size, count);
  }
  const all = viewElements(datatype, bytes.buffer, bytes.byteOffset, elements);
  return gathered(all, view, allocateElements(datatype, count));
}

/** Strides of dimensions of 1 mean nothing. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis];
  }
  return true;
}

/** Copies as an odometer runs: the last axis fastest. */
function gathered(from: FixedArray, view: StridedView, into: FixedArray): FixedArray {
  const { shape, strides } = view;
  const index = shape.map(() => 0);
  let at = view.offset;
  for (let i = 0; i < into.length; i++) {
    into[i] = from[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return into;
}

function refusal(name: string, why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read tensor ${quote(name)}: ${why}`);
}
