const WAITING = 0;
const BEGUN = 1;
const GIVEN_UP = 2;

/**
 * Of each call between two threads whether it was begun or given up, whichever came first.
 *
 * ```text
 *            claim()  ┌──► BEGUN ──────┐
 *  WAITING ──────────┤                ├──► answered, reset()
 *           giveUp()  └──► GIVEN_UP ──┘
 * ```
 *
 * Messages cross on their way; so a caller who gives up could never tell whether what it had asked for was done
 * nonetheless. Here one of the two is first, and the other learns of it.
 */
export class CallClaims {
  readonly #states: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#states = new Int32Array(memory);
  }

  static allocate(calls: number): SharedArrayBuffer {
    return new SharedArrayBuffer(calls * Int32Array.BYTES_PER_ELEMENT);
  }

  /** The store's side. @returns false when the caller has given up: the call may not be begun */
  claim(slot: number): boolean {
    return Atomics.compareExchange(this.#states, slot, WAITING, BEGUN) !== GIVEN_UP;
  }

  /** The caller's side. @returns false when the call has been begun: its outcome is not known */
  giveUp(slot: number): boolean {
    return Atomics.compareExchange(this.#states, slot, WAITING, GIVEN_UP) !== BEGUN;
  }

  /** The caller's side, once the call is answered. */
  reset(slot: number): void {
    Atomics.store(this.#states, slot, WAITING);
  }
}
