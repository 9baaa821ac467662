import type { ErrorCode } from "../errors.ts";
import type { RequestHash } from "./flight_index.ts";
import type { RequestPayload } from "./payload.ts";
import type { OwnedBytes } from "./response_buffers.ts";

/** What is to be run, and for whom. */
export interface Job {
  readonly request: RequestPayload;
  /** At least 1. */
  readonly rows: number;
  /** An int32; only jobs of one group share a batch. −1: this one always runs alone. */
  readonly group: number;
  /** 1 is the highest, the queue's `priorityLevels` the lowest. */
  readonly priority: number;
  /** On this thread's `performance.now()`; undefined for never. Told up to DEADLINE_STEP_MS late. */
  readonly deadlineMs: number | undefined;
  /** If there is one, the same request is run once while it is in flight. */
  readonly coalesce: RequestHash | undefined;
  /**
   * Called under the queue's lock when nothing that is the same is in flight, before the job comes in line: true
   * if there is no need to any more, since the answer has been stored meanwhile. Short, and takes no queue's lock.
   */
  readonly recheck?: () => boolean;
}

/** Where the time of a job went. */
interface JobTimes {
  /** Whether the job was somebody else's first. */
  readonly coalesced: boolean;
  readonly queueMs: number;
  /** Of the whole batch, or of the job's own run when that had failed. */
  readonly computeMs: number;
}

/** What came of a job. */
export type JobOutcome =
  | (JobTimes & {
    readonly kind: "done";
    /** A copy; the caller owns it. */
    readonly response: OwnedBytes;
  })
  | (JobTimes & { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string })
  | { readonly kind: "recheckHit" };
