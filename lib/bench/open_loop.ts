import { BENCH_LATE_MS, BENCH_OPEN_INFLIGHT_MAX } from "../limits.ts";
import type { Arrivals } from "./arrivals.ts";
import { CallSlot } from "./call_slot.ts";
import {
  type LoadLoopRun,
  type LoadParts,
  NOT_SENT_CODE,
  type ScheduleRecord,
} from "./load_loop.ts";
import type { Wakener } from "./pacer.ts";
import { SlotPool } from "./slot_pool.ts";

/** What an open loop needs beside the rest. */
export interface OpenLoopOptions {
  readonly arrivals: Arrivals;
  readonly openWakener: (onWake: () => void) => Wakener;
}

/**
 * Calls that are due by the clock, whatever has become of those before.
 *
 * A call's latency counts from when it was due, so a server that stalls is charged for every call that
 * would have come meanwhile: to wait with them, and count from when they were sent, would leave out the
 * worst ("coordinated omission"). What is due is sent in one go at each wake-up. In flight are at most
 * BENCH_OPEN_INFLIGHT_MAX calls a connection, or what the server takes at once; past that the due ones wait in the schedule, as numbers that
 * take no memory. Those that wait when the run ends are recorded as not sent, with the time that they
 * have waited.
 *
 * Source: Gil Tene, "How NOT to Measure Latency"; wrk2.
 */
export class OpenLoop<Response> implements LoadLoopRun {
  readonly #parts: LoadParts<Response>;
  readonly #arrivals: Arrivals;
  readonly #wakener: Wakener;
  readonly #slots: SlotPool<Response>;
  readonly #over = Promise.withResolvers<void>();
  #nextDueMs = 0;
  /** Whether calls that are due wait for one in flight to end. */
  #holding = false;
  #due = 0;
  #sentLate = 0;
  #held = 0;

  constructor(parts: LoadParts<Response>, { arrivals, openWakener }: OpenLoopOptions) {
    this.#parts = parts;
    this.#arrivals = arrivals;
    this.#wakener = openWakener(() => this.#pump());
    this.#slots = new SlotPool({
      connections: parts.connections,
      // A server that takes none yet will be heard of by the call that waits.
      slotsPerConnection: Math.max(1, Math.min(parts.callsMax, BENCH_OPEN_INFLIGHT_MAX)),
      newSlot: (connection) => new CallSlot(parts, connection, (slot) => this.#onFree(slot)),
    });
  }

  get schedule(): ScheduleRecord {
    return { due: this.#due, sentLate: this.#sentLate, held: this.#held };
  }

  run(): Promise<void> {
    this.#drawNext();
    if (this.#nextDueMs < Infinity) this.#wakener.wakeAt(this.#nextDueMs);
    this.#endIfDone();
    return this.#over.promise;
  }

  stop(nowMs: number): void {
    this.#pump();
    const { window, recorder, draw } = this.#parts;
    window.endMs = Math.min(window.endMs, nowMs);
    while (this.#nextDueMs < window.endMs) {
      // What was due and is not sent by now had no slot.
      if (this.#countDue()) this.#held++;
      const failure = { workload: draw(), code: NOT_SENT_CODE, late: true };
      recorder.fail(this.#nextDueMs, undefined, nowMs, failure);
      this.#drawNext();
    }
    this.#nextDueMs = Infinity;
    this.#endIfDone();
  }

  cutOff(nowMs: number): void {
    this.stop(nowMs);
    const inOrder = this.#slots.all.toSorted((one, other) => one.dueMs - other.dueMs);
    for (const slot of inOrder) slot.cutOff(nowMs);
  }

  #pump(): void {
    const { nowMs } = this.#parts;
    const pumpMs = nowMs();
    while (this.#nextDueMs <= pumpMs) {
      const slot = this.#slots.take();
      if (slot === undefined) {
        this.#holding = true;
        return;
      }
      const dueMs = this.#nextDueMs;
      const sentMs = nowMs();
      if (this.#countDue()) {
        if (this.#holding) this.#held++;
        else if (sentMs - dueMs > BENCH_LATE_MS) this.#sentLate++;
      }
      slot.begin(dueMs, sentMs);
      this.#drawNext();
    }
    this.#holding = false;
    if (this.#nextDueMs < Infinity) this.#wakener.wakeAt(this.#nextDueMs);
  }

  #onFree(slot: CallSlot<Response>): void {
    this.#slots.release(slot);
    if (this.#holding) this.#pump();
    this.#endIfDone();
  }

  /** @returns whether the call that is due counts */
  #countDue(): boolean {
    if (this.#nextDueMs < this.#parts.window.startMs) return false;
    this.#due++;
    return true;
  }

  #drawNext(): void {
    const { window } = this.#parts;
    const dueMs = window.beginMs + this.#arrivals.next();
    this.#nextDueMs = window.take(dueMs) ? dueMs : Infinity;
  }

  #endIfDone(): void {
    if (this.#nextDueMs < Infinity || this.#slots.busy > 0) return;
    this.#wakener.close();
    this.#over.resolve();
  }
}
