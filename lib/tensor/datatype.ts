/** What holds the elements of a datatype of fixed size; FP16 and BF16 are held as their bits. */
export type FixedArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** How an array of elements is made. */
interface FixedArrayConstructor {
  new (length: number): FixedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): FixedArray;
}

/** How one element is held. */
interface Element {
  readonly bytes: number;
  readonly array: FixedArrayConstructor;
}

/** Source: Open Inference Protocol v2, "Tensor Data Types". */
const ELEMENTS = {
  BOOL: { bytes: 1, array: Uint8Array },
  UINT8: { bytes: 1, array: Uint8Array },
  UINT16: { bytes: 2, array: Uint16Array },
  UINT32: { bytes: 4, array: Uint32Array },
  UINT64: { bytes: 8, array: BigUint64Array },
  INT8: { bytes: 1, array: Int8Array },
  INT16: { bytes: 2, array: Int16Array },
  INT32: { bytes: 4, array: Int32Array },
  INT64: { bytes: 8, array: BigInt64Array },
  FP16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  FP32: { bytes: 4, array: Float32Array },
  FP64: { bytes: 8, array: Float64Array },
} as const satisfies Record<string, Element>;

/** The datatypes whose elements all have one size. */
export type FixedDatatype = keyof typeof ELEMENTS;

/** The datatypes of tensors: those of fixed size, and BYTES, whose elements have a length of their own. */
export type Datatype = FixedDatatype | "BYTES";

/** The names of all datatypes, in the order of the protocol's table. */
export const DATATYPES: readonly Datatype[] = [
  ...Object.keys(ELEMENTS) as FixedDatatype[],
  "BYTES",
];

/** Whether `name` names a datatype. */
export function isDatatype(name: string): name is Datatype {
  return name === "BYTES" || Object.hasOwn(ELEMENTS, name);
}

/** Bytes of one element. */
export function elementBytes(datatype: FixedDatatype): number {
  return ELEMENTS[datatype].bytes;
}

/**
 * The elements that stand in `buffer` from `byteOffset` on: a view, nothing is copied.
 *
 * @throws {RangeError} if the offset is not a multiple of the element's size, or the buffer ends before
 */
export function viewElements(
  datatype: FixedDatatype,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): FixedArray {
  return new (arrayOf(datatype))(buffer, byteOffset, length);
}

/** Room for `length` elements, all zero. */
export function allocateElements(datatype: FixedDatatype, length: number): FixedArray {
  return new (arrayOf(datatype))(length);
}

/** Whether `array` is of the kind that holds elements of the datatype. */
export function holdsElements(datatype: FixedDatatype, array: unknown): array is FixedArray {
  return array instanceof ELEMENTS[datatype].array;
}

function arrayOf(datatype: FixedDatatype): FixedArrayConstructor {
  return ELEMENTS[datatype].array;
}
