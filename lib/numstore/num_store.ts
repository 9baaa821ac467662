import type { SharedCache } from "../cache/shared_cache.ts";
import { OperationError } from "../errors.ts";
import type { SharedMutex } from "../lock/shared_mutex.ts";
import { factorial, FACTORIAL_MAX, hasFactorial } from "./factorial.ts";
import type { NumberTable } from "./number_table.ts";

/** A factorial, and where it came from. */
export interface Factorial {
  /** An int64. */
  readonly value: bigint;
  readonly hit: boolean;
}

/** The parts of one thread's store; all opened on memory that all threads share. */
export interface NumStoreParts {
  readonly mutex: SharedMutex;
  readonly table: NumberTable;
  /** From a number to its factorial, 8 bytes each. */
  readonly cache: SharedCache;
}

/** Characters of a key that an error message repeats. */
const KEY_CHARS_SHOWN = 1_024;

/**
 * Sets integers and computes factorials of them, on one of several threads that share both.
 *
 * The lock guards numbers, total and cache; it is not held while a factorial is computed. The cache
 * goes by the number, not by the key: setting a key leaves nothing in it that is wrong.
 *
 * Source: spec numstore, "Semantics".
 */
export class NumStore {
  readonly #parts: NumStoreParts;
  readonly #encoder = new TextEncoder();
  readonly #number = new BigInt64Array(1);
  readonly #numberBytes = new Uint8Array(this.#number.buffer);
  readonly #factorial = new BigInt64Array(1);
  readonly #factorialBytes = new Uint8Array(this.#factorial.buffer);
  #missEpoch = 0;

  constructor(parts: NumStoreParts) {
    this.#parts = parts;
  }

  /**
   * Sets the number of a key for all threads.
   *
   * @param value an int64
   * @returns the sum of the numbers of all keys now
   * @throws {OperationError} with nothing changed: `invalid-argument`, `out-of-range` or
   *   `resource-exhausted`, as `NumberTable.set` has it
   */
  setNum(key: string, value: bigint): bigint {
    const { mutex, table } = this.#parts;
    const keyBytes = this.#encoder.encode(key);
    mutex.acquire();
    try {
      return table.set(keyBytes, value);
    } finally {
      mutex.release();
    }
  }

  /**
   * The factorial of a key's number.
   *
   * @throws {OperationError} `failed-precondition` for a key that was never set, `out-of-range` for a
   *   number without a factorial in int64; neither asks the cache, nor counts as a look-up of it
   */
  fact(key: string): Factorial {
    const keyBytes = this.#encoder.encode(key);
    if (this.#lookUp(key, keyBytes)) return { value: this.#factorial[0], hit: true };
    const value = factorial(this.#number[0]);
    this.#factorial[0] = value;
    this.#store();
    return { value, hit: false };
  }

  /**
   * Reads the key's number into `#number`, and says whether its factorial is in the cache; then it is
   * in `#factorial`. Else notes the epoch of the miss.
   */
  #lookUp(key: string, keyBytes: Uint8Array): boolean {
    const { mutex, table, cache } = this.#parts;
    mutex.acquire();
    try {
      const number = table.get(keyBytes);
      if (number === undefined) throw noSuchKey(key);
      if (!hasFactorial(number)) throw noFactorial(key, number);
      this.#number[0] = number;
      this.#missEpoch = cache.epoch;
      return cache.get(this.#numberBytes, this.#factorialBytes) !== undefined;
    } finally {
      mutex.release();
    }
  }

  #store(): void {
    const { mutex, cache } = this.#parts;
    mutex.acquire();
    try {
      cache.put(this.#numberBytes, this.#factorialBytes, this.#missEpoch);
    } finally {
      mutex.release();
    }
  }
}

function noSuchKey(key: string): OperationError {
  return new OperationError(
    "failed-precondition",
    `Cannot compute a factorial: key ${shown(key)} was never set`,
  );
}

function noFactorial(key: string, number: bigint): OperationError {
  return new OperationError(
    "out-of-range",
    `Cannot compute a factorial: key ${shown(key)} is ${number}, needs 0 to ${FACTORIAL_MAX}`,
  );
}

/** A key may be as long as a message: what is shown of one that cannot be set is its start. */
function shown(key: string): string {
  return JSON.stringify(key.length <= KEY_CHARS_SHOWN ? key : `${key.slice(0, KEY_CHARS_SHOWN)}…`);
}
