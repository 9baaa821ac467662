import type { BenchCallOptions, Caller, Outcome } from "./caller.ts";
import { CUT_OFF_CODE, DEADLINE_CODE, ERROR_ANSWER_CODE } from "./load_loop.ts";
import type { AnswerKind, SecondRecorder } from "./second_record.ts";
import { type CacheAnswer, readServerReport, type TrailerField } from "./server_report.ts";

/** What a slot records its calls with. */
export interface CallSlotParts<Response> {
  /** One for each workload. */
  readonly callers: readonly Caller<Response>[];
  /** Draws the workload of the next call: the index of its caller. */
  readonly draw: () => number;
  readonly recorder: SecondRecorder;
  /** How long a call may take. */
  readonly deadlineMs: number;
  readonly nowMs: () => number;
}

/**
 * Room for one call at a time on one connection, used again for the next one: a call costs no closure.
 */
export class CallSlot<Response> {
  readonly #parts: CallSlotParts<Response>;
  /** Which of the thread's connections it is on. */
  readonly connection: number;
  readonly #onFree: (slot: CallSlot<Response>, code: string | undefined) => void;
  readonly #onAnswer = (response: Response) => this.#answer(response);
  readonly #onFailure = (error: unknown) => this.#fail(error);
  readonly #options: BenchCallOptions;
  #trailers: readonly TrailerField[] | undefined;
  #workload = 0;
  #dueMs = 0;
  #sentMs = 0;
  #busy = false;

  /** @param onFree hears that the call has ended and is recorded, and the code that it failed with */
  constructor(
    parts: CallSlotParts<Response>,
    connection: number,
    onFree: (slot: CallSlot<Response>, code: string | undefined) => void,
  ) {
    this.#parts = parts;
    this.connection = connection;
    this.#onFree = onFree;
    this.#options = {
      timeoutMs: parts.deadlineMs,
      onTrailerFields: (fields) => this.#trailers = fields,
    };
  }

  /** When its call was due, or its last one. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Makes a call; the slot must be free. */
  begin(dueMs: number, sentMs: number): void {
    this.#dueMs = dueMs;
    this.#sentMs = sentMs;
    this.#busy = true;
    this.#trailers = undefined;
    const { callers, draw } = this.#parts;
    this.#workload = draw();
    callers[this.#workload].call(this.connection, this.#options).then(
      this.#onAnswer,
      this.#onFailure,
    );
  }

  /** Gives a call in flight up, and records the time that it has taken. The slot is of no use afterwards. */
  cutOff(nowMs: number): void {
    if (this.#busy) this.#end(nowMs, CUT_OFF_CODE, true);
  }

  #answer(response: Response): void {
    if (!this.#busy) return;
    const { callers, recorder, nowMs } = this.#parts;
    const workload = this.#workload;
    const outcome = callers[workload].outcomeOf(response);
    if (outcome === "error") return this.#end(nowMs(), ERROR_ANSWER_CODE, false);
    this.#busy = false;
    // What the server says is read after the clock: that is no part of the call.
    const endMs = nowMs();
    const server = this.#trailers === undefined ? undefined : readServerReport(this.#trailers);
    const kind = kindOf(outcome, server?.cache);
    recorder.answer(this.#dueMs, this.#sentMs, endMs, { workload, kind, server });
    this.#onFree(this, undefined);
  }

  #fail(error: unknown): void {
    if (!this.#busy) return;
    const code = this.#parts.callers[this.#workload].codeOf(error);
    this.#end(this.#parts.nowMs(), code, code === DEADLINE_CODE);
  }

  #end(endMs: number, code: string, late: boolean): void {
    this.#busy = false;
    const workload = this.#workload;
    this.#parts.recorder.fail(this.#dueMs, this.#sentMs, endMs, { workload, code, late });
    this.#onFree(this, code);
  }
}

/**
 * An answer that tells is believed of hits and misses; one that was computed for another call too is told of by
 * the trailer alone.
 */
function kindOf(outcome: Exclude<Outcome, "error">, cache: CacheAnswer | undefined): AnswerKind {
  if (cache === undefined) return outcome;
  return outcome === "ok" || cache === "coalesced" ? cache : outcome;
}
