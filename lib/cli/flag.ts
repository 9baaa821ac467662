import { OperationError } from "../errors.ts";
import type { FlagKind } from "./flag_kind.ts";

/** One `--flag <value>` of a program. */
export interface Flag<T> {
  /** As written on the command line, with the dashes. */
  readonly name: `--${string}`;
  /** What the help calls the value, such as `bytes`; a flag without it takes none, and is on or off. */
  readonly placeholder?: string;
  readonly summary: string;
  readonly kind: FlagKind<T>;
  /** What stands for the value if none is given, as one would write it; without it, nothing does. */
  readonly fallback?: string;
  /** The environment variable that is read if the flag is not on the command line. */
  readonly variable?: string;
}

/** The text given for a flag, and where: the flag's or the variable's name. */
export interface GivenText {
  readonly source: string;
  readonly text: string;
}

/** What the user gave, to be made into a program's flags. */
export interface GivenArguments {
  /** At most as many as the program has; optional ones that are missing are left out. */
  readonly positionals: readonly string[];
  /** By flag name; what was not given is not in it. */
  readonly texts: ReadonlyMap<string, GivenText>;
}

/**
 * The flag's value: as given, else its fallback.
 *
 * @throws {TypeError} if it is not given and has no fallback
 * @throws {OperationError} invalid-argument, if the text does not fit; the message names the flag or
 *   the variable, what was found and what is expected
 */
export function flagValue<T>(flag: Flag<T>, given: GivenArguments): T {
  const value = optionalFlagValue(flag, given);
  if (value !== undefined) return value;
  throw new TypeError(`Cannot tell the value of ${flag.name}: it has no fallback`);
}

/** As `flagValue`; `undefined` for a flag that is not given and has no fallback. */
export function optionalFlagValue<T>(flag: Flag<T>, { texts }: GivenArguments): T | undefined {
  const { source, text } = texts.get(flag.name) ?? { source: flag.name, text: flag.fallback };
  if (text === undefined) return undefined;
  const value = flag.kind.parse(text);
  if (value !== undefined) return value;
  throw new OperationError(
    "invalid-argument",
    `${source} is ${JSON.stringify(text)}, expected ${flag.kind.expected}`,
  );
}

/**
 * Refuses flags that mean nothing without another one.
 *
 * @throws {OperationError} invalid-argument, naming the first that is given and the one that is missing
 */
export function refuseWithout(
  needed: Flag<unknown>,
  flags: readonly Flag<unknown>[],
  { texts }: GivenArguments,
): void {
  if (texts.has(needed.name)) return;
  for (const { name } of flags) {
    const given = texts.get(name);
    if (given === undefined) continue;
    throw new OperationError(
      "invalid-argument",
      `${given.source} is given, and ${needed.name} is not`,
    );
  }
}
