/**
 * What a script model is written against: types alone, for a user's `model.ts` to import as
 * `import type { Batch, Context, Result } from "…/script_api.ts"`, or to copy.
 *
 * A script is an ES module, `model.ts` or `model.js` in a version's folder, that exports
 *
 * - `predict(batch, context)`, which answers a batch of rows with as many results, in the same order;
 * - `load(context)`, if it wants one: what it returns is `context.model` from then on;
 * - `unload(context)`, if it wants one, called once at the end.
 *
 * Each may be async. It may import files of its folder by a relative path that stands in the source, also
 * TypeScript and JSON, and Node's built-in modules; packages have to be bundled into it. It has the permissions
 * that the model's configuration names, and may always read its folder.
 *
 * @module
 *
 * @example
 * ```ts
 * import type { Batch, Context, Results } from "./script_api.ts";
 *
 * export function load(): Map<string, number> {
 *   return new Map([["good", 1], ["bad", -1]]);
 * }
 *
 * export function predict(batch: Batch, context: Context<Map<string, number>>): Results {
 *   context.recordStatistic({ rows: batch.length });
 *   return batch.map(({ word }) => ({ score: context.model.get(word as string) ?? 0 }));
 * }
 * ```
 */

/** Elements of one row in one dimension, row-major; those of FP16 and BF16 as float32, of BOOL as 0 and 1. */
export type Elements =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly string[]
  | readonly Uint8Array[];

/** Elements of one row in several dimensions. Shapes: data (product of shape,), row-major. */
export interface MatrixValue {
  readonly shape: readonly number[];
  readonly data: Elements;
}

/**
 * The value of one input in one row, by what the input's shape is without the batch dimension:
 *
 * | shape | datatype | value |
 * |---|---|---|
 * | `[-1]` | INT64, UINT64 | bigint |
 * | `[-1]` | BOOL | boolean |
 * | `[-1]` | BYTES | string, or Uint8Array where the option `bytes` is `"binary"` |
 * | `[-1]` | others | number |
 * | `[-1, n]` | all | `Elements` |
 * | `[-1, n, m]` and more | all | `{ shape, data }` |
 *
 * It is the script's own, to keep and to change.
 */
export type InputValue = number | bigint | boolean | string | Uint8Array | Elements | MatrixValue;

/** A row: a value for each input that the configuration names. */
export type Item = Readonly<Record<string, InputValue>>;

/** Rows; one where the model has no batch dimension. Never none. */
export type Batch = readonly Item[];

/**
 * The value of one output in one row: what an input of that shape would be, or an array of numbers, bigints,
 * booleans or strings for the elements. Integers must be in their datatype's range; int64 may be a safe number;
 * FP16 and BF16 are rounded to. Where the configuration leaves dimensions open all rows need the same.
 */
export type OutputValue =
  | InputValue
  | readonly number[]
  | readonly bigint[]
  | readonly boolean[]
  | {
    readonly shape: readonly number[];
    readonly data: Elements | readonly (number | bigint | boolean)[];
  };

/** One for each row of the batch, each with a value for each output that the configuration names. */
export type Results = readonly Readonly<Record<string, OutputValue>>[];

/** Where a script runs. */
export interface Environment {
  readonly name: string;
  readonly version: string;
  /** The version's folder, absolute. */
  readonly folder: string;
  /** The option `device`: whatever the script makes of it, "cpu" unless it is given. */
  readonly device: string;
  /** The option `tempFolder`, which the script may write to; undefined unless it is given. */
  readonly tempFolder: string | undefined;
}

/** A script's log: entries go to the server's, with the model's name. Long and frequent ones are cut. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What an ONNX file takes or gives. */
export interface OnnxPort {
  readonly name: string;
  /** As in model.json: "FP32", "INT64" and so on. */
  readonly datatype: string;
  /** -1 for a dimension that may be any. */
  readonly shape: readonly number[];
}

/** An ONNX file that onnxruntime has read, in the script's own thread. */
export interface OnnxSession {
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /**
   * Computes all outputs, by name, from all inputs, by name. Elements stand in the array of their datatype; of
   * FP16 they are float32. Inputs have to stay as they are until then, outputs are the script's own. Runs wait
   * for those before them.
   *
   * @throws {TypeError} naming the input that is wrong; {Error} with onnxruntime's words when it fails
   */
  run(
    inputs: Readonly<Record<string, MatrixValue>>,
  ): Promise<Readonly<Record<string, MatrixValue>>>;
  /** Gives its memory back; done for the script when the model is unloaded. */
  release(): Promise<void>;
}

/** A picture. */
export interface DecodedImage {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** Shapes: (height, width, 4), row-major: red, green, blue, opacity. */
  readonly data: Uint8Array;
}

/** What the hooks are handed. */
export interface Context<Model = unknown> {
  /** What `load` returned; undefined while it runs, and without one. */
  readonly model: Model;
  readonly environment: Environment;
  readonly logger: Logger;
  /**
   * Adds figures to the model's statistics: how many there were, their sum, the least and the greatest.
   *
   * @throws {RangeError} when there are more names than the server keeps; {TypeError} for what is no number
   */
  recordStatistic(figures: Readonly<Record<string, number>>): void;
  /** An error to throw from `predict` when the caller's values are wrong: its message is for the caller. */
  inputError(message: string): Error;
  /**
   * Reads an ONNX file of the version's folder, such as "detector.onnx". The configuration needs the option
   * `"onnx": true`, or an object of the options that models of the platform onnx have.
   *
   * @throws {Error} saying what is missing or wrong with the file
   */
  openOnnx(file: string): Promise<OnnxSession>;
  /**
   * The pixels of a PNG or JPEG.
   *
   * @param bytes of the whole file
   * @throws an `inputError` saying what is wrong: `predict` may let it pass on to the caller
   */
  decodeImage(bytes: Uint8Array): Promise<DecodedImage>;
  /** Aborts when loading is given up, and when the model is unloaded. */
  readonly signal: AbortSignal;
}
