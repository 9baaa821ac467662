import { parseCommandLine, type Program } from "./command_line.ts";
import { type Flag, flagValue, type GivenArguments } from "./flag.ts";
import { orWord } from "./flag_kind.ts";
import { PERCENT } from "./measure_kind.ts";
import type { ParseOutcome } from "./parse_outcome.ts";

/** The exit code of a comparison in which a figure got worse: that of `diff` and `grep` for "no". */
export const EXIT_WORSE = 1;

/** The word for a comparison that never fails. */
const NEVER = "never";

/** What `client bench diff` compares. */
export interface DiffFlags {
  /** The files' names. */
  readonly before: string;
  readonly after: string;
  /** A share by which a figure may get worse; `null` for any. */
  readonly failOver: number | null;
}

const failOver: Flag<number | typeof NEVER> = {
  name: "--fail-over",
  placeholder: "percent",
  summary: `exit with ${EXIT_WORSE} if a figure got significantly worse by more than this`,
  kind: orWord(PERCENT, NEVER),
  fallback: NEVER,
};

const DIFF: Program = {
  name: "client bench diff",
  summary:
    "Compares two reports of client bench: which figures changed, by how much, and whether " +
    "the seconds of both runs tell them apart (Mann-Whitney test).",
  positionals: [
    { name: "<BEFORE>", summary: "a report of client bench, as JSON" },
    { name: "<AFTER>", summary: "another" },
  ],
  flags: [failOver],
};

/**
 * The flags of `client bench diff`, from its arguments; no environment variable is read.
 *
 * Nothing is written: the composition root acts on the outcome. See `parseCommandLine`.
 *
 * @param args without the program's name, and without `bench diff`
 *
 * @example
 * ```ts
 * import { parseDiffFlags } from "./diff_flags.ts";
 * const outcome = parseDiffFlags(["a.json", "b.json", "--fail-over", "5%"]);
 * if (outcome.kind !== "run" || outcome.flags.failOver !== 0.05) throw new Error("Wrong outcome");
 * ```
 */
export function parseDiffFlags(args: readonly string[]): ParseOutcome<DiffFlags> {
  return parseCommandLine(DIFF, args, () => undefined, buildFlags);
}

function buildFlags(given: GivenArguments): DiffFlags {
  const [before, after] = given.positionals;
  const share = flagValue(failOver, given);
  return { before, after, failOver: share === NEVER ? null : share };
}
