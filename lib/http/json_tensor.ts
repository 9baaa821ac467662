import { OperationError, quoted } from "../errors.ts";
import { allocateElements, type FixedArray, type FixedDatatype } from "../tensor/datatype.ts";
import { elementCount, type Tensor, type TensorSpec } from "../tensor/tensor.ts";

/** The datatypes whose elements are integers that a float64 holds, with the least and the largest. */
const INTEGERS = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
} as const satisfies Partial<Record<FixedDatatype, readonly [number, number]>>;

const BIG_INTEGERS = {
  UINT64: [0n, 2n ** 64n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
} as const satisfies Partial<Record<FixedDatatype, readonly [bigint, bigint]>>;

/**
 * Floats that JSON has no number for, as strings.
 *
 * Source: Protocol Buffers, "ProtoJSON Format", float and double.
 */
const SPECIAL_FLOATS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

/** Characters of a wrong value that an error message repeats. */
const FOUND_CHARS_MAX = 40;

/**
 * The tensor whose elements are in `data`: in one array, or nested as the shape says.
 *
 * BOOL are true and false, BYTES strings, 64-bit integers numbers or strings of digits, floats numbers or
 * "NaN", "Infinity" and "-Infinity".
 *
 * @param quoted gives the same with strings of digits for integers beyond 2^53; called only to look one up
 * @throws {OperationError} `invalid-argument` naming the tensor, the element and what is wrong
 */
export function readJsonTensor(spec: TensorSpec, data: unknown, quoted: () => unknown): Tensor {
  const { name, datatype, shape } = spec;
  const elements = flatten(spec, data);
  if (datatype === "BYTES") return { name, datatype, shape, data: readBytes(name, elements) };
  if (datatype === "FP16" || datatype === "BF16") {
    throw wrong(name, `${datatype} has no JSON form, need binary data (binary_data_size)`);
  }
  return { name, datatype, shape, data: readFixed(spec, datatype, elements, quoted) };
}

function readFixed(
  spec: TensorSpec,
  datatype: Exclude<FixedDatatype, "FP16" | "BF16">,
  elements: readonly unknown[],
  quoted: () => unknown,
): FixedArray {
  if (datatype === "INT64" || datatype === "UINT64") {
    return readBigIntegers(spec, datatype, elements, () => flatten(spec, quoted()));
  }
  const result = allocateElements(datatype, elements.length);
  const read = datatype === "BOOL"
    ? readBool
    : datatype === "FP32" || datatype === "FP64"
    ? floatReader(datatype)
    : integerReader(datatype);
  for (let index = 0; index < elements.length; index++) {
    const element = read(elements[index]);
    if (element === undefined) throw wrongElement(spec, index, elements[index]);
    result[index] = element;
  }
  return result;
}

/** The element's value, `undefined` when it is none. */
type ElementReader = (element: unknown) => number | undefined;

function readBool(element: unknown): number | undefined {
  return typeof element === "boolean" ? Number(element) : undefined;
}

function integerReader(datatype: keyof typeof INTEGERS): ElementReader {
  const [min, max] = INTEGERS[datatype];
  return (element) => {
    if (typeof element !== "number" || !Number.isInteger(element)) return undefined;
    return element >= min && element <= max ? element : undefined;
  };
}

/** JSON.parse makes Infinity of what is beyond float64, so it is none. */
function floatReader(datatype: "FP32" | "FP64"): ElementReader {
  const round = datatype === "FP32" ? Math.fround : Number;
  return (element) =>
    typeof element !== "number"
      ? SPECIAL_FLOATS.get(element)
      : Number.isFinite(round(element))
      ? element
      : undefined;
}

function readBigIntegers(
  spec: TensorSpec,
  datatype: keyof typeof BIG_INTEGERS,
  elements: readonly unknown[],
  quoted: () => readonly unknown[],
): BigInt64Array | BigUint64Array {
  const result = new (datatype === "INT64" ? BigInt64Array : BigUint64Array)(elements.length);
  const [min, max] = BIG_INTEGERS[datatype];
  let exact: readonly unknown[] | undefined;
  for (let index = 0; index < elements.length; index++) {
    let element = elements[index];
    if (Number.isInteger(element) && !Number.isSafeInteger(element)) {
      exact ??= quoted();
      element = exact[index];
    }
    const integer = bigIntegerOf(element);
    if (integer === undefined || integer < min || integer > max) {
      throw wrongElement(spec, index, element);
    }
    result[index] = integer;
  }
  return result;
}

/** No more digits than 2^64 has: making a number of a million digits takes seconds. */
const DIGITS = /^-?\d{1,20}$/;

function bigIntegerOf(element: unknown): bigint | undefined {
  const isInteger = Number.isSafeInteger(element) ||
    typeof element === "string" && DIGITS.test(element);
  return isInteger ? BigInt(element as number | string) : undefined;
}

const utf8 = new TextEncoder();

/** UTF-8 takes at most three bytes for each unit of UTF-16. Source: WHATWG Encoding, `encodeInto`. */
const BYTES_PER_UNIT_MAX = 3;

/** All in one buffer: a million short strings would be a million buffers. */
function readBytes(tensor: string, elements: readonly unknown[]): Uint8Array[] {
  let units = 0;
  for (let index = 0; index < elements.length; index++) {
    const text = elements[index];
    if (typeof text !== "string") {
      throw wrong(tensor, `element ${index} is ${describe(text)}, BYTES needs a string`);
    }
    units += text.length;
  }
  const buffer = new Uint8Array(units * BYTES_PER_UNIT_MAX);
  let offset = 0;
  return elements.map((text) => {
    const { written } = utf8.encodeInto(text as string, buffer.subarray(offset));
    offset += written;
    return buffer.subarray(offset - written, offset);
  });
}

/** The elements one behind the other, as many as the shape says. */
function flatten({ name, shape }: TensorSpec, data: unknown): readonly unknown[] {
  if (!Array.isArray(data)) throw wrong(name, `its data are ${describe(data)}, need an array`);
  const count = elementCount(shape);
  if (!Array.isArray(data[0]) || shape.length < 2) {
    if (data.length === count) return data;
    throw wrong(name, `${data.length} elements, shape [${shape}] needs ${count}`);
  }
  const elements: unknown[] = [];
  const take = (part: unknown, axis: number, place: string): void => {
    if (!Array.isArray(part) || part.length !== shape[axis]) {
      const found = Array.isArray(part) ? `${part.length} elements` : describe(part);
      throw wrong(name, `${place} is ${found}, shape [${shape}] needs ${shape[axis]} elements`);
    }
    if (axis === shape.length - 1) {
      for (const element of part) elements.push(element);
    } else {
      for (let index = 0; index < part.length; index++) {
        take(part[index], axis + 1, `${place}[${index}]`);
      }
    }
  };
  take(data, 0, "data");
  return elements;
}

/**
 * A tensor's elements as a JSON array, flat.
 *
 * Numbers have the digits that give the same value when they are read again; what of floats is no number
 * in JSON is "NaN", "Infinity" or "-Infinity". (Other servers write a bare `NaN`, which is no JSON, or
 * `null`, which hides an infinity and reads as 0 in some languages.)
 *
 * @throws {OperationError} `invalid-argument` naming the output, when it has no JSON form
 */
export function formatJsonData(tensor: Tensor): string {
  const { name, datatype, data } = tensor;
  if (datatype === "BYTES") return formatBytes(name, data as readonly Uint8Array[]);
  if (datatype === "FP16" || datatype === "BF16") throw notInJson(name, datatype);
  if (datatype === "BOOL") return `[${Array.from(data as Uint8Array, (bit) => bit !== 0)}]`;
  const isFloat = datatype === "FP32" || datatype === "FP64";
  if (isFloat && (data as Float32Array).some(needsCare)) {
    return `[${Array.from(data as Float32Array, formatFloat)}]`;
  }
  return `[${(data as FixedArray).join(",")}]`;
}

/** Whether an array's `join` does not write the float as JSON has it. */
function needsCare(float: number): boolean {
  return !Number.isFinite(float) || Object.is(float, -0);
}

function formatFloat(float: number): string {
  if (Object.is(float, -0)) return "-0.0";
  return Number.isFinite(float) ? String(float) : `"${float}"`;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function formatBytes(output: string, elements: readonly Uint8Array[]): string {
  try {
    return JSON.stringify(elements.map((element) => strictUtf8.decode(element)));
  } catch {
    throw notInJson(output, "BYTES that are not UTF-8");
  }
}

function notInJson(output: string, found: string): OperationError {
  return new OperationError(
    "invalid-argument",
    `Cannot write output "${output}" as JSON: ${found} has no JSON form, need binary_data: true`,
  );
}

/** What the elements of a datatype have to be, as messages say it. */
function needed(datatype: string): string {
  const range = Object.hasOwn(INTEGERS, datatype)
    ? INTEGERS[datatype as keyof typeof INTEGERS]
    : Object.hasOwn(BIG_INTEGERS, datatype)
    ? BIG_INTEGERS[datatype as keyof typeof BIG_INTEGERS]
    : undefined;
  if (range !== undefined) return `an integer from ${range[0]} to ${range[1]}`;
  return datatype === "BOOL" ? "true or false" : "a number in its range";
}

function wrongElement({ name, datatype }: TensorSpec, index: number, found: unknown) {
  const text = `element ${index} is ${describe(found)}, ${datatype} needs ${needed(datatype)}`;
  return wrong(name, text);
}

function wrong(tensor: string, problem: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read input ${quoted(tensor)}: ${problem}`);
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (value === Infinity || value === -Infinity) return "a number beyond float64's";
  const text = JSON.stringify(value);
  return text.length <= FOUND_CHARS_MAX ? text : `${text.slice(0, FOUND_CHARS_MAX)}…`;
}
