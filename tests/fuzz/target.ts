import type { Random } from "./random.ts";

/**
 * A part of the product that takes bytes from strangers, and what has to be true of what it makes of
 * them.
 */
export interface FuzzTarget {
  /** As `--target` and the corpus name it. */
  readonly name: string;
  /** Inputs of this target in one round of all targets: many of what is cheap. */
  readonly share: number;
  /** Makes an input: valid, nearly valid or neither. */
  generate(random: Random): Uint8Array;
  /**
   * Feeds one input to the product; what it keeps from one to the next cannot change the outcome.
   *
   * @throws {Error} of any kind when something is not true that has to be: that is a finding.
   */
  run(input: Uint8Array): void | Promise<void>;
}

/**
 * Calls `action`, and returns what it makes or what it throws where that is one of its documented
 * errors.
 *
 * @throws {Error} naming what else was thrown
 */
export function valueOrError<Value, Failure extends Error>(
  action: () => Value,
  isDocumented: (error: unknown) => error is Failure,
): { readonly value: Value } | { readonly error: Failure } {
  try {
    return { value: action() };
  } catch (error) {
    if (isDocumented(error)) return { error };
    throw new Error(`an error that is not documented: ${describe(error)}`, { cause: error });
  }
}

/** What our codecs throw for bytes that are no message of theirs. */
export function isRangeError(error: unknown): error is RangeError {
  return error instanceof RangeError;
}

/** An error's class, words and where it was thrown, on one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${String(error)}`;
  const place = /at .*?([\w.]+\/[\w.]+\.ts:\d+:\d+)/.exec(error.stack ?? "")?.[1];
  const text = `${error.name}: ${error.message}${place === undefined ? "" : ` (${place})`}`;
  return text.slice(0, 600).replaceAll(/\s+/g, " ");
}
