/**
 * The word's byte offset. The memory is two cache lines long and its word stands in the middle, so
 * that however the allocation is aligned no foreign data shares the line that threads fight over.
 */
const WORD_BYTE_OFFSET = 64;
const MEMORY_BYTES = 128;

/** Owner ids and their negatives fit an int32. */
const OWNER_MAX = 2 ** 31 - 1;

/** The value of the word while nobody holds the lock. Owners are positive, contended ones negative. */
const FREE = 0;

/**
 * How often a waiter looks again before it sleeps: about as long as a critical section of ours takes
 * (0.1 µs), since putting a thread to sleep and back takes 10 µs. The number matters little: from 0
 * to 1024 four threads on two cores took 55 to 75 ns for each turn.
 */
const SPINS_MAX = 64;

/**
 * The longest sleep before a waiter looks again. Wake-ups are not lost between living threads; the
 * one way to lose one is that the thread it went to was terminated before it ran.
 */
const RECHECK_MS = 50;

/**
 * Mutual exclusion between threads that share memory; the thread that holds it has a name.
 *
 * One 32-bit word, taken by one compare-and-exchange that writes the owner's id, so whoever holds
 * the lock is readable at every instant and a dead owner can be told apart (as in a robust futex,
 * where the sign bit is FUTEX_WAITERS):
 *
 * ```text
 *                 acquire: 0 → +id
 *   ┌────────┐ ─────────────────────────► ┌────────────────────┐ ── takeOver: +dead → −me ──┐
 *   │   0    │                            │ +id                │                            │
 *   │  free  │ ◄───────────────────────── │ held               │                            │
 *   └────────┘      release: +id → 0      └────────────────────┘                            │
 *     │    ▲                                        │ a waiter, about to sleep: +id → −id   │
 *     │    │                                        ▼                                       │
 *     │    │   release: −id → 0,          ┌────────────────────┐                            │
 *     │    └───────────────────────────── │ −id                │ ◄──────────────────────────┘
 *     │        then wake one              │ held, others may   │ ── takeOver: −dead → −me ──┐
 *     └─────────────────────────────────► │ sleep              │ ◄──────────────────────────┘
 *        a waiter that may have           └────────────────────┘
 *        slept: 0 → −id
 * ```
 *
 * No wake-up is lost: a waiter sleeps only while the word is −owner (`Atomics.wait` compares and
 * enqueues in one step), only a release or takeOver moves it on from there, a release that finds
 * −owner wakes one sleeper, and the woken one takes the lock as −id (or marks the new owner's word)
 * because others may still sleep, so that the next release wakes again. A sleeper terminated
 * between being woken and running swallows that wake-up; therefore every sleep ends after 50 ms.
 *
 * Not reentrant, not fair: a running thread may overtake a sleeping one. Everything written before
 * a release is seen by the thread that acquires next.
 *
 * Cost: 20 ns for an uncontended pair with `try … finally`, about 90 ns more with `using`, which
 * this V8 does not optimise; so hot paths write
 * `mutex.acquire(); try { … } finally { mutex.release(); }` and all others `using`.
 *
 * Source: Drepper, "Futexes are tricky" (2011), mutex 2; Linux robust futex ABI.
 *
 * @example
 * ```ts
 * import { SharedMutex } from "./shared_mutex.ts";
 * const mutex = new SharedMutex(SharedMutex.allocate(), 1);
 * {
 *   using _ = mutex.acquire();
 *   if (!mutex.isHeldBy(1)) throw new Error("Not held");
 * }
 * if (mutex.isHeldBy(1)) throw new Error("Still held");
 * ```
 */
export class SharedMutex implements Disposable {
  readonly #word: Int32Array<SharedArrayBuffer>;
  readonly #owner: number;

  /**
   * One thread's handle on the lock in `memory`.
   *
   * @param memory made by `SharedMutex.allocate`, shared by every thread that takes part
   * @param owner this thread's id: an integer from 1 to 2³¹−1 that no other thread that was ever
   *   given this memory has, dead ones included
   * @throws {RangeError} if the id or the memory is none of those
   */
  constructor(memory: SharedArrayBuffer, owner: number) {
    if (!isOwner(owner)) {
      throw new RangeError(`Cannot open the mutex: owner is ${owner}, needs 1 to ${OWNER_MAX}`);
    }
    if (memory.byteLength !== MEMORY_BYTES) {
      throw new RangeError(
        `Cannot open the mutex: ${memory.byteLength} bytes of memory, needs ${MEMORY_BYTES}`,
      );
    }
    this.#word = new Int32Array(memory, WORD_BYTE_OFFSET, 1);
    this.#owner = owner;
  }

  /** Memory for one lock, free, to be shared by `postMessage`. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(MEMORY_BYTES);
  }

  /**
   * Blocks this thread until it holds the lock.
   *
   * @returns this mutex, so that `using _ = mutex.acquire()` releases at the end of the block
   * @throws {TypeError} if this thread holds the lock already: it would wait for itself
   */
  acquire(): this {
    if (Atomics.compareExchange(this.#word, 0, FREE, this.#owner) !== FREE) this.#wait();
    return this;
  }

  /**
   * Gives the lock back and wakes one waiter if any may sleep.
   *
   * @throws {TypeError} if this thread does not hold it; the lock is left as it was
   */
  release(): void {
    const word = this.#word;
    const owner = this.#owner;
    if (Atomics.compareExchange(word, 0, owner, FREE) === owner) return;
    // While we hold it only a waiter changes the word, once, from +owner to −owner.
    if (Atomics.compareExchange(word, 0, -owner, FREE) !== -owner) {
      throw new TypeError(`Cannot release the mutex: ${this.#holder()}, not thread ${owner}`);
    }
    Atomics.notify(word, 0, 1);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Returns if and only if this thread holds the lock. Cost: one load.
   *
   * @throws {TypeError} if it does not
   */
  assertHeld(): void {
    const held = Atomics.load(this.#word, 0);
    if (held !== this.#owner && held !== -this.#owner) {
      throw new TypeError(`Cannot touch what the mutex guards: ${this.#holder()}`);
    }
  }

  /** Whether the thread `owner` holds the lock now. Another living thread may change that at once. */
  isHeldBy(owner: number): boolean {
    const held = Atomics.load(this.#word, 0);
    return held !== FREE && (held === owner || held === -owner);
  }

  /**
   * Makes the caller the owner if and only if the dead thread `deadOwner` holds the lock. The caller
   * then repairs what the lock guards and releases. Waiters sleep on and are woken by that release.
   *
   * The thread must be known to be dead: a living one would go on writing beside the caller. In Deno
   * `Worker.terminate()` lets the worker finish its synchronous code first, however long that takes,
   * the lock included; a thread dies holding it only if it held it across an `await` or called
   * `self.close()`, which stops it where it stands and runs no `finally`.
   *
   * @returns false, and nothing changed, if the dead thread does not hold the lock
   * @throws {RangeError} if `deadOwner` is the caller or no thread's id
   */
  takeOver(deadOwner: number): boolean {
    if (!isOwner(deadOwner) || deadOwner === this.#owner) {
      throw new RangeError(
        `Cannot take over the mutex from thread ${deadOwner} as thread ${this.#owner}`,
      );
    }
    const word = this.#word;
    // Waiters may sleep in either state (one can be about to, or its wake-up died with its thread),
    // so the new owner is contended: at worst its release wakes nobody. The dead no longer change
    // the word, and waiters only from + to −, so these two exchanges miss nothing.
    return Atomics.compareExchange(word, 0, deadOwner, -this.#owner) === deadOwner ||
      Atomics.compareExchange(word, 0, -deadOwner, -this.#owner) === -deadOwner;
  }

  #wait(): void {
    const word = this.#word;
    const owner = this.#owner;
    if (this.isHeldBy(owner)) {
      throw new TypeError(`Cannot acquire the mutex: thread ${owner} holds it already`);
    }
    for (let spin = 0; spin < SPINS_MAX; spin++) {
      if (
        Atomics.load(word, 0) === FREE && Atomics.compareExchange(word, 0, FREE, owner) === FREE
      ) return;
    }
    for (;;) {
      const held = Atomics.compareExchange(word, 0, FREE, -owner);
      if (held === FREE) return;
      if (held > FREE && Atomics.compareExchange(word, 0, held, -held) !== held) continue;
      Atomics.wait(word, 0, -Math.abs(held), RECHECK_MS);
    }
  }

  #holder(): string {
    const held = Math.abs(Atomics.load(this.#word, 0));
    return held === FREE ? "nobody holds it" : `thread ${held} holds it`;
  }
}

function isOwner(owner: number): boolean {
  return Number.isInteger(owner) && owner >= 1 && owner <= OWNER_MAX;
}
