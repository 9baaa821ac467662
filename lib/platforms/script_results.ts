import { OperationError } from "../errors.ts";
import {
  allocateElements,
  type FixedArray,
  type FixedDatatype,
  holdsElements,
} from "../tensor/datatype.ts";
import { elementCount, type Tensor, type TensorSpec } from "../tensor/tensor.ts";
import { encodeElement, neededElement } from "./script_element.ts";

/** Characters of a wrong value that an error message repeats. */
const FOUND_CHARS_MAX = 40;

const encoder = new TextEncoder();

/**
 * What a script answered as tensors of their own memory.
 *
 * @param rows undefined for a model without batch dimension, whose one result is all
 * @throws {OperationError} `internal` naming the model, the row, the output, what was found and what is needed
 */
export function writeResults(
  model: string,
  answer: unknown,
  outputs: readonly TensorSpec[],
  rows: number | undefined,
): readonly Tensor[] {
  const count = rows ?? 1;
  if (!Array.isArray(answer)) {
    throw unusable(
      model,
      `it is ${describe(answer)}, needs an array of ${count}, one for each row`,
    );
  }
  if (answer.length !== count) {
    throw unusable(
      model,
      `${answer.length} results for a batch of ${count}, one for each is needed`,
    );
  }
  answer.forEach((result, row) => checkNames(model, result, row, outputs));
  return outputs.map((spec) => {
    const values = answer.map((result) => result[spec.name]);
    return new OutputWriter(model, spec, rows !== undefined).write(values);
  });
}

function checkNames(model: string, result: unknown, row: number, outputs: readonly TensorSpec[]) {
  if (typeof result !== "object" || result === null) {
    throw unusable(model, `result ${row} is ${describe(result)}, needs an object of outputs`);
  }
  const missing = outputs.find(({ name }) => !Object.hasOwn(result, name));
  if (missing !== undefined) throw unusable(model, `result ${row} has no output "${missing.name}"`);
  const names = Object.keys(result);
  if (names.length === outputs.length) return;
  const unknown = names.find((name) => outputs.every((spec) => spec.name !== name));
  throw unusable(model, `result ${row} has "${unknown}", which is no output of the configuration`);
}

/** Puts the values of all rows of one output into one tensor. */
class OutputWriter {
  readonly #model: string;
  readonly #spec: TensorSpec;
  readonly #batched: boolean;
  /** What the configuration says of one row. */
  readonly #wanted: readonly number[];

  constructor(model: string, spec: TensorSpec, batched: boolean) {
    this.#model = model;
    this.#spec = spec;
    this.#batched = batched;
    this.#wanted = batched ? spec.shape.slice(1) : spec.shape;
  }

  write(values: readonly unknown[]): Tensor {
    const { name, datatype } = this.#spec;
    const parts = values.map((value, row) => this.#partOf(value, row));
    const rowShape = parts[0].shape;
    parts.forEach(({ shape }, row) => {
      if (shape.every((size, axis) => size === rowShape[axis])) return;
      throw this.#wrong(row, `has shape [${shape}]`, `[${rowShape}] as row 0 has`);
    });
    const shape = this.#batched ? [values.length, ...rowShape] : rowShape;
    if (datatype === "BYTES") {
      const data = parts.flatMap(({ data }, row) =>
        Array.from(data, (one) => this.#bytes(one, row))
      );
      return { name, datatype, shape, data };
    }
    const into = allocateElements(datatype, elementCount(shape));
    const size = elementCount(rowShape);
    parts.forEach(({ data }, row) => this.#fill(datatype, into, row * size, data, row));
    return { name, datatype, shape, data: into };
  }

  /** One row's value with its shape, which is checked; its elements are not. */
  #partOf(value: unknown, row: number): Part {
    if (this.#wanted.length === 0) return { shape: [], data: [value] };
    const part = isShaped(value) ? value : { shape: this.#impliedShape(value), data: value };
    if (part.shape === undefined || !isList(part.data)) {
      const form = this.#wanted.length === 1 ? "an array" : "{ shape, data }";
      throw this.#wrong(row, `is ${describe(value)}`, `${form} of ${this.#spec.datatype}`);
    }
    const { shape, data } = part as Part;
    const fits = shape.length === this.#wanted.length &&
      shape.every((size, axis) =>
        Number.isInteger(size) && size >= 0 &&
        (this.#wanted[axis] === -1 || size === this.#wanted[axis])
      );
    if (!fits) throw this.#wrong(row, `has shape [${shape}]`, `[${this.#wanted}]`);
    if (elementCount(shape) === data.length) return part as Part;
    throw this.#wrong(row, `has ${data.length} elements`, `${elementCount(shape)} for [${shape}]`);
  }

  /** Of an array that comes without one. */
  #impliedShape(value: unknown): readonly number[] | undefined {
    if (!isList(value)) return undefined;
    if (this.#wanted.length === 1) return [value.length];
    return this.#wanted.includes(-1) ? undefined : this.#wanted;
  }

  #fill(
    datatype: FixedDatatype,
    into: FixedArray,
    at: number,
    data: ArrayLike<unknown>,
    row: number,
  ) {
    if (ArrayBuffer.isView(data) && !isConverted(datatype)) {
      if (!holdsElements(datatype, data)) {
        const found = `is ${describe(data)}`;
        throw this.#wrong(row, found, `an array of ${datatype} or of numbers`);
      }
      (into as Float32Array).set(data as Float32Array, at);
      return;
    }
    for (let index = 0; index < data.length; index++) {
      const element = encodeElement(datatype, data[index]);
      if (element === undefined) {
        throw this.#wrong(row, `has ${describe(data[index])}`, neededElement(datatype));
      }
      into[at + index] = element;
    }
  }

  #bytes(value: unknown, row: number): Uint8Array {
    if (typeof value === "string") return encoder.encode(value);
    if (value instanceof Uint8Array) return value.slice();
    throw this.#wrong(row, `has ${describe(value)}`, neededElement("BYTES"));
  }

  #wrong(row: number, found: string, needed: string): OperationError {
    return unusable(
      this.#model,
      `output "${this.#spec.name}" of row ${row} ${found}, needs ${needed}`,
    );
  }
}

interface Part {
  readonly shape: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** Whether elements are looked at one by one even where they stand in an array of the same kind. */
function isConverted(datatype: FixedDatatype): boolean {
  return datatype === "BOOL" || datatype === "FP16" || datatype === "BF16";
}

function isShaped(
  value: unknown,
): value is { readonly shape: readonly number[]; readonly data: unknown } {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value &&
    Array.isArray(value.shape);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function describe(value: unknown): string {
  if (typeof value === "string") return `the string "${value.slice(0, FOUND_CHARS_MAX)}"`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return `${String(value)}`;
  if (value instanceof Promise) return "a promise";
  return Array.isArray(value) ? "an array" : `of class ${value.constructor?.name ?? "Object"}`;
}

function unusable(model: string, reason: string): OperationError {
  return new OperationError(
    "internal",
    `Cannot use what predict of model "${model}" returned: ${reason}`,
  );
}
