import { OperationError } from "../errors.ts";
import type { FullBound } from "./job_table.ts";

/** A queue has no room for one more job. */
export class QueueFullError extends OperationError {
  /** What there is not enough of. */
  readonly bound: FullBound;
  /** How much of it there is, in words. */
  readonly found: string;

  constructor(bound: FullBound, found: string) {
    super("resource-exhausted", `Cannot submit a job: ${found}`);
    this.bound = bound;
    this.found = found;
  }
}
