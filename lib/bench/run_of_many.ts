import { OperationError } from "../errors.ts";
import type { BenchReport } from "./report.ts";

/** Why runs that follow each other end before their time. */
export type Cut =
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly problem: string };

/** How one of several runs ended. */
export type RunOfMany = { readonly kind: "report"; readonly report: BenchReport } | Cut;

/** What a run of several is made with. */
export interface RunOfManyOptions {
  readonly run: () => Promise<BenchReport>;
  /** Ends all of the runs. */
  readonly signal: AbortSignal;
  /** Whether there is nothing yet that a failure would lose. */
  readonly isFirst: boolean;
}

/**
 * Makes one of several runs, so that what the earlier ones measured is not lost with it: one that a signal
 * cut short is none, as its load was not the one that was asked for.
 *
 * @throws {OperationError} why it failed, if it is the first
 */
export async function runOneOfMany(
  { run, signal, isFirst }: RunOfManyOptions,
): Promise<RunOfMany> {
  if (signal.aborted) return { kind: "stopped" };
  try {
    const report = await run();
    return signal.aborted ? { kind: "stopped" } : { kind: "report", report };
  } catch (error) {
    if (isFirst || !(error instanceof OperationError)) throw error;
    return signal.aborted ? { kind: "stopped" } : { kind: "failed", problem: error.message };
  }
}
