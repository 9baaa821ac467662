import type { Datatype, FixedArray, FixedDatatype } from "./datatype.ts";

/** A tensor of a datatype of fixed size. Shapes: data (product of shape,), row-major. */
export interface FixedTensor {
  readonly name: string;
  readonly datatype: FixedDatatype;
  /** No negative dimension; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** As long as the shape says; BOOL holds 0 and 1, FP16 and BF16 hold bits. */
  readonly data: FixedArray;
}

/** A tensor of strings of bytes. Shapes: data (product of shape,), row-major. */
export interface BytesTensor {
  readonly name: string;
  readonly datatype: "BYTES";
  readonly shape: readonly number[];
  readonly data: readonly Uint8Array[];
}

/**
 * A named array of elements of one datatype, in any number of dimensions.
 *
 * Data may be a view of memory that somebody else owns: whoever hands a tensor over says how long it is
 * valid, and whoever keeps one longer copies it.
 */
export type Tensor = FixedTensor | BytesTensor;

/** What is told of an input or output before there is one: -1 stands for any dimension. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** How many elements a shape has; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (let axis = 0; axis < shape.length; axis++) count *= shape[axis];
  return count;
}
