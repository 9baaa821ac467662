import { OperationError } from "../errors.ts";
import type { SharedMutex } from "../lock/shared_mutex.ts";

/** Most coefficients a model may be made for: 64 MiB a slot, and as much in each thread. */
export const COEFS_MAX_LIMIT = 2 ** 24;

/** Byte offsets and indexes: the epoch, then the length of each slot, then the slots. */
const LENGTHS_OFFSET = 8;
const HEADER_BYTES = 64;

/**
 * y = a·x with coefficients that threads share.
 *
 * ```text
 *  byte 0          8          12         64                 64 + 4·coefsMax
 *  ┌──────────────┬──────────┬──────────┬──────────────────┬──────────────────┐
 *  │ epoch float64│ length 0 │ length 1 │ slot 0  float32  │ slot 1  float32  │
 *  └──────────────┴──────────┴──────────┴──────────────────┴──────────────────┘
 * ```
 *
 * An odd epoch means that slot 1 is current, an even one slot 0; epoch 0 means that none ever was
 * set. `replace` fills the other slot and then stores the next epoch: that one aligned store is the
 * whole flip, so a thread that dies in `replace` leaves either the old coefficients or the new.
 * Epochs grow by one with every replacement and never come round (2⁵³).
 *
 * The shared memory is guarded by the mutex: `replace` and `refresh` demand that the thread holds it
 * and throw a `TypeError` otherwise. `predict`, `epoch`, `length` and `isSet` speak of this thread's
 * private copy as of its last `refresh` and need no lock.
 *
 * @example
 * ```ts
 * import { SharedMutex } from "../lock/shared_mutex.ts";
 * import { LinearModel } from "./linear_model.ts";
 * const mutex = new SharedMutex(SharedMutex.allocate(), 1);
 * const model = new LinearModel(LinearModel.allocate({ coefsMax: 10 }), mutex);
 * {
 *   using _ = mutex.acquire();
 *   model.replace(model.check([1, 2, 3]));
 *   model.refresh();
 * }
 * if (model.predict(Float64Array.of(1, 2, 3), 3) !== 14) throw new Error("Wrong");
 * ```
 */
export class LinearModel {
  readonly #mutex: SharedMutex;
  readonly #sharedEpoch: Float64Array<SharedArrayBuffer>;
  readonly #sharedLengths: Int32Array<SharedArrayBuffer>;
  readonly #slots: readonly [Float32Array<SharedArrayBuffer>, Float32Array<SharedArrayBuffer>];
  readonly #coefsMax: number;
  #coefs = new Float32Array(0);
  #length = 0;
  #epoch = 0;

  /**
   * One thread's handle on the model in `memory`; sees no coefficients until `refresh`.
   *
   * @param memory made by `LinearModel.allocate`
   * @param mutex this thread's handle on the one lock that guards this memory
   * @throws {RangeError} if the memory was not made for a model
   */
  constructor(memory: SharedArrayBuffer, mutex: SharedMutex) {
    const coefsMax = (memory.byteLength - HEADER_BYTES) / 8;
    if (!Number.isInteger(coefsMax) || coefsMax < 1) {
      throw new RangeError(`Cannot open the model: ${memory.byteLength} bytes are not its memory`);
    }
    this.#mutex = mutex;
    this.#coefsMax = coefsMax;
    this.#sharedEpoch = new Float64Array(memory, 0, 1);
    this.#sharedLengths = new Int32Array(memory, LENGTHS_OFFSET, 2);
    this.#slots = [
      new Float32Array(memory, HEADER_BYTES, coefsMax),
      new Float32Array(memory, HEADER_BYTES + 4 * coefsMax, coefsMax),
    ];
  }

  /**
   * Memory for one model without coefficients, to be shared by `postMessage`.
   *
   * @throws {RangeError} if `coefsMax` is not an integer from 1 to 2²⁴
   */
  static allocate({ coefsMax }: { readonly coefsMax: number }): SharedArrayBuffer {
    if (!Number.isInteger(coefsMax) || coefsMax < 1 || coefsMax > COEFS_MAX_LIMIT) {
      throw new RangeError(
        `Cannot allocate a model: coefsMax is ${coefsMax}, needs an integer from 1 to ${COEFS_MAX_LIMIT}`,
      );
    }
    return new SharedArrayBuffer(HEADER_BYTES + 8 * coefsMax);
  }

  /** The epoch of this thread's copy: 0 before any coefficients, then one more per replacement. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether this thread's copy holds coefficients; an empty list is one of length 0. */
  get isSet(): boolean {
    return this.#epoch !== 0;
  }

  /** How many coefficients this thread's copy holds; undefined if none were ever set. */
  get length(): number | undefined {
    return this.#epoch === 0 ? undefined : this.#length;
  }

  /**
   * Rounds coefficients to float32 and checks them, for `replace`; needs no lock.
   *
   * @returns `coefs` itself if it is a Float32Array
   * @throws {OperationError} `resource-exhausted` for more than `coefsMax` coefficients,
   *   `invalid-argument` for one that is NaN or not finite as a float32
   */
  check(coefs: Float32Array | readonly number[]): Float32Array {
    const length = coefs.length;
    if (length > this.#coefsMax) {
      throw new OperationError(
        "resource-exhausted",
        `Cannot set coefficients: ${length} given, at most ${this.#coefsMax} allowed`,
      );
    }
    const rounded = coefs instanceof Float32Array ? coefs : Float32Array.from(coefs);
    for (let index = 0; index < length; index++) {
      // What was rounded is checked, since a float64 may overflow to infinity as a float32.
      if (!Number.isFinite(rounded[index])) throw notFinite(index, coefs[index]);
    }
    return rounded;
  }

  /**
   * Sets the coefficients for every thread; the lock must be held. No thread's copy changes before
   * its `refresh`, this one's neither.
   *
   * @param coefs what `check` returned
   */
  replace(coefs: Float32Array): void {
    this.#mutex.assertHeld();
    const epoch = this.#sharedEpoch[0] + 1;
    this.#slots[epoch % 2].set(coefs);
    this.#sharedLengths[epoch % 2] = coefs.length;
    this.#sharedEpoch[0] = epoch;
  }

  /**
   * Brings this thread's copy up to date; the lock must be held.
   *
   * Cost: one comparison if nothing changed, else a copy of all coefficients.
   */
  refresh(): void {
    this.#mutex.assertHeld();
    const epoch = this.#sharedEpoch[0];
    if (epoch !== this.#epoch) this.#copy(epoch);
  }

  /**
   * The model's output from this thread's copy, without the lock.
   *
   * Products are added in index order in float64, so equal inputs give equal bits on every thread.
   *
   * Shapes: x (≥ length,) float64 → float64.
   *
   * @param x inputs; only the first `length` are read
   * @throws {OperationError} `failed-precondition` if no coefficients were set, `invalid-argument`
   *   if their number is not `length`
   * @throws {RangeError} if `x` is shorter than `length`
   */
  predict(x: Float64Array, length: number): number {
    if (length > x.length) {
      throw new RangeError(`Cannot predict: length is ${length}, x holds ${x.length}`);
    }
    if (this.#epoch === 0 || length !== this.#length) throw this.#refusal(length);
    const coefs = this.#coefs;
    let sum = 0;
    for (let index = 0; index < length; index++) sum += coefs[index] * x[index];
    return sum;
  }

  #copy(epoch: number): void {
    const length = this.#sharedLengths[epoch % 2];
    if (length > this.#coefs.length) this.#coefs = new Float32Array(length);
    this.#coefs.set(this.#slots[epoch % 2].subarray(0, length));
    this.#length = length;
    this.#epoch = epoch;
  }

  #refusal(length: number): OperationError {
    if (this.#epoch === 0) {
      return new OperationError("failed-precondition", "Cannot predict: no coefficients were set");
    }
    return new OperationError(
      "invalid-argument",
      `Cannot predict: ${length} inputs, ${this.#length} coefficients`,
    );
  }
}

function notFinite(index: number, value: number): OperationError {
  return new OperationError(
    "invalid-argument",
    `Cannot set coefficients: coefficient ${index} is ${value}, needs to be a finite float32`,
  );
}
