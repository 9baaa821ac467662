import type { Caller } from "./caller.ts";
import { CUT_OFF_CODE, DEADLINE_CODE, ERROR_ANSWER_CODE } from "./load_loop.ts";
import type { SecondRecorder } from "./second_record.ts";

/** What a slot records its calls with. */
export interface CallSlotParts<Response> {
  readonly caller: Caller<Response>;
  readonly recorder: SecondRecorder;
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
    this.#parts.caller.call(this.connection).then(this.#onAnswer, this.#onFailure);
  }

  /** Gives a call in flight up, and records the time that it has taken. The slot is of no use afterwards. */
  cutOff(nowMs: number): void {
    if (this.#busy) this.#end(nowMs, CUT_OFF_CODE, true);
  }

  #answer(response: Response): void {
    if (!this.#busy) return;
    const { caller, recorder, nowMs } = this.#parts;
    const outcome = caller.outcomeOf(response);
    if (outcome === "error") return this.#end(nowMs(), ERROR_ANSWER_CODE, false);
    this.#busy = false;
    recorder.answer(this.#dueMs, this.#sentMs, nowMs(), outcome);
    this.#onFree(this, undefined);
  }

  #fail(error: unknown): void {
    if (!this.#busy) return;
    const code = this.#parts.caller.codeOf(error);
    this.#end(this.#parts.nowMs(), code, code === DEADLINE_CODE);
  }

  #end(endMs: number, code: string, late: boolean): void {
    this.#busy = false;
    this.#parts.recorder.fail(this.#dueMs, this.#sentMs, endMs, { code, late });
    this.#onFree(this, code);
  }
}
