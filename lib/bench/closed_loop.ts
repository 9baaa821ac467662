import { BENCH_RETRY_PAUSE_MS } from "../limits.ts";
import { CallSlot } from "./call_slot.ts";
import type { LoadLoopRun, LoadParts } from "./load_loop.ts";

/** The code that tells of a server which is not there. */
const UNREACHABLE_CODE = "UNAVAILABLE";

/**
 * Calls of which each follows the answer to the one before, `inflight` at once on each connection.
 *
 * What it measures is how long the server works: while it stalls nothing is sent, so a stall is one slow
 * call a slot. How long clients wait that come when they like, an open loop measures.
 */
export class ClosedLoop<Response> implements LoadLoopRun {
  readonly schedule = null;
  readonly #parts: LoadParts<Response>;
  readonly #slots: readonly CallSlot<Response>[];
  readonly #over = Promise.withResolvers<void>();
  #idle = 0;

  constructor(parts: LoadParts<Response>, inflight: number) {
    this.#parts = parts;
    const { connections } = parts;
    this.#slots = Array.from(
      { length: connections * inflight },
      (_, index) =>
        new CallSlot(parts, index % connections, (slot, code) => this.#onFree(slot, code)),
    );
  }

  run(): Promise<void> {
    for (const slot of this.#slots) this.#next(slot);
    return this.#over.promise;
  }

  stop(nowMs: number): void {
    const { window } = this.#parts;
    window.endMs = Math.min(window.endMs, nowMs);
  }

  cutOff(nowMs: number): void {
    this.stop(nowMs);
    const inOrder = this.#slots.toSorted((one, other) => one.dueMs - other.dueMs);
    for (const slot of inOrder) slot.cutOff(nowMs);
  }

  #onFree(slot: CallSlot<Response>, code: string | undefined): void {
    if (code !== UNREACHABLE_CODE) return this.#next(slot);
    setTimeout(() => this.#next(slot), BENCH_RETRY_PAUSE_MS);
  }

  #next(slot: CallSlot<Response>): void {
    const nowMs = this.#parts.nowMs();
    if (this.#parts.window.take(nowMs)) return slot.begin(nowMs, nowMs);
    this.#idle++;
    if (this.#idle === this.#slots.length) this.#over.resolve();
  }
}
