import type { Caller } from "./caller.ts";
import type { LoadWindow } from "./load_window.ts";
import type { SecondRecorder } from "./second_record.ts";

/** What stands for the code of a call that the client gave up on at the end of the run; servers may cancel too. */
export const CUT_OFF_CODE = "CUT_OFF";

/** What stands for the code of a call that was due, and was not sent before the run ended. */
export const NOT_SENT_CODE = "NOT_SENT";

/** What stands for the code of an answer that holds an error, under the status OK. */
export const ERROR_ANSWER_CODE = "ERROR_IN_ANSWER";

/** The code of a call that has used up its time. */
export const DEADLINE_CODE = "DEADLINE_EXCEEDED";

/** What both loops work with. */
export interface LoadParts<Response> {
  /** One for each workload. */
  readonly callers: readonly Caller<Response>[];
  /** Draws the workload of the next call: the index of its caller. */
  readonly draw: () => number;
  readonly recorder: SecondRecorder;
  readonly window: LoadWindow;
  /** Of this thread. */
  readonly connections: number;
  /** Calls that the server takes at once on each; more would wait in the client, and count as sent. */
  readonly callsMax: number;
  /** How long a call may take. */
  readonly deadlineMs: number;
  /** A clock that never goes back, in milliseconds, that of the window. */
  readonly nowMs: () => number;
}

/** Calls that are made one way or the other. */
export interface LoadLoopRun {
  /** Makes the calls; resolves when all of them have ended. */
  run(): Promise<void>;
  /** Makes no more calls from `nowMs` on. */
  stop(nowMs: number): void;
  /** Records the calls that have not ended as failed at `nowMs`, and ignores how they end; `run` resolves. */
  cutOff(nowMs: number): void;
  /** What the schedule of an open loop met; `null` in a closed one. */
  readonly schedule: ScheduleRecord | null;
}

/** How an open loop kept to its schedule. Counts calls after the warm-up. */
export interface ScheduleRecord {
  readonly due: number;
  /** Sent more than BENCH_LATE_MS after they were due, for no reason but the client's own. */
  readonly sentLate: number;
  /** Not sent when they were due because too many calls were in flight. */
  readonly held: number;
}
