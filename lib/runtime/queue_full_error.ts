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

/** A queue has no room for the job, not even when it is empty: another attempt would fail as this one. */
export class NeverFitsError extends OperationError {
  readonly bytes: number;
  readonly bytesMax: number;

  /** @param bytes of the request @param bytesMax that the queue has room for */
  constructor(bytes: number, bytesMax: number) {
    const found = `${bytes} bytes, the queue has room for ${bytesMax} at once`;
    super("invalid-argument", `Cannot submit a job: ${found}`);
    this.bytes = bytes;
    this.bytesMax = bytesMax;
  }
}
