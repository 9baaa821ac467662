/** The largest number whose factorial fits in an int64: 20! is 2.4·10¹⁸, 21! is 5.1·10¹⁹. */
export const FACTORIAL_MAX = 20n;

/** Whether a number has a factorial that fits in an int64. */
export function hasFactorial(number: bigint): boolean {
  return number >= 0n && number <= FACTORIAL_MAX;
}

/**
 * The factorial of a number; 0! is 1.
 *
 * @throws {RangeError} if the number is negative or above `FACTORIAL_MAX`
 *
 * @example
 * ```ts
 * import { factorial } from "./factorial.ts";
 * if (factorial(20n) !== 2432902008176640000n) throw new Error("Wrong");
 * ```
 */
export function factorial(number: bigint): bigint {
  if (!hasFactorial(number)) {
    throw new RangeError(`Cannot compute ${number}!: needs a number from 0 to ${FACTORIAL_MAX}`);
  }
  let product = 1n;
  for (let factor = 2n; factor <= number; factor++) product *= factor;
  return product;
}
