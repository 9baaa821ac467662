import { DeadlineTimer } from "../timing/deadline_timer.ts";

/** Futex words stand a cache line apart. */
const WORD_STRIDE = 16;

/** A timer that never fires in practice: what counts is that it is there. */
const KEEP_ALIVE_MS = 2 ** 30;

/** Memory with one futex word for each serving thread, shared by all queues; goes by `postMessage`. */
export function allocateThreadWakes(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * WORD_STRIDE * Int32Array.BYTES_PER_ELEMENT);
}

/** Wakes serving threads. @param memory of `allocateThreadWakes` */
export function openThreadWakes(memory: SharedArrayBuffer): (thread: number) => void {
  const words = new Int32Array(memory);
  return (thread) => {
    Atomics.add(words, thread * WORD_STRIDE, 1);
    Atomics.notify(words, thread * WORD_STRIDE);
  };
}

/** One queue's part in a thread's sleep. */
export interface WakeRegistration {
  /** From now on `onWake` is called after each wake-up. Before what is waited for is asked for. */
  arm(): void;
  /** Nothing is waited for any more. */
  disarm(): void;
  close(): void;
}

/**
 * A serving thread's sleep, of which all of its queues are part.
 *
 * While any of them waits there is one `Atomics.waitAsync` on the thread's word, otherwise none. V8 does not
 * tell Deno that it waits, so a timer keeps the event loop alive as long; it is made once, since that costs ten
 * times what holding and releasing it does. `deadlines` is for those who wait, and is stopped, as the timer
 * is, when the last registration is closed.
 */
export class ThreadWake {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #word: number;
  readonly #armed = new Set<() => void>();
  #registrations = 0;
  #isListening = false;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #deadlines: DeadlineTimer | undefined;

  /** @param thread this thread's number, from 0, the same in all queues */
  constructor(memory: SharedArrayBuffer, thread: number) {
    const threads = memory.byteLength / (WORD_STRIDE * Int32Array.BYTES_PER_ELEMENT);
    if (!(Number.isInteger(thread) && thread >= 0 && thread < threads)) {
      throw new RangeError(`Cannot wait as thread ${thread}: there are ${threads}, from 0`);
    }
    this.#words = new Int32Array(memory);
    this.#word = thread * WORD_STRIDE;
  }

  /** Deadlines of all who wait on this thread. */
  get deadlines(): DeadlineTimer {
    return this.#deadlines ??= new DeadlineTimer();
  }

  /** Adds a queue. @param onWake looks whether there is something for the queue; must not throw */
  register(onWake: () => void): WakeRegistration {
    this.#registrations++;
    let isOpen = true;
    // A function of its own: two queues may come with the same.
    const wake = () => onWake();
    return {
      arm: () => this.#arm(wake),
      disarm: () => this.#disarm(wake),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#disarm(wake);
        if (--this.#registrations === 0) this.#stop();
      },
    };
  }

  #arm(wake: () => void): void {
    this.#armed.add(wake);
    if (this.#armed.size > 1) return;
    if (this.#keepAlive === undefined) this.#keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    else Deno.refTimer(Number(this.#keepAlive));
    if (!this.#isListening) this.#listen(Atomics.load(this.#words, this.#word));
  }

  #disarm(wake: () => void): void {
    if (!this.#armed.delete(wake) || this.#armed.size > 0) return;
    if (this.#keepAlive !== undefined) Deno.unrefTimer(Number(this.#keepAlive));
    // The promise that is still there is settled, since nobody else may ever do it.
    if (this.#isListening) Atomics.notify(this.#words, this.#word);
  }

  #stop(): void {
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
    this.#deadlines?.close();
    this.#deadlines = undefined;
  }

  /** Calls `#woken` once the word is another than `value`. */
  #listen(value: number): void {
    this.#isListening = true;
    for (let seen = value;; seen = Atomics.load(this.#words, this.#word)) {
      const wait = Atomics.waitAsync(this.#words, this.#word, seen);
      if (!wait.async) continue;
      wait.value.then(this.#woken);
      // It has changed already. Said by the event loop, not at once: sockets and timers have their turn, too.
      if (seen !== value) Atomics.notify(this.#words, this.#word);
      return;
    }
  }

  readonly #woken = (): void => {
    // Read before the queues look, so that what comes meanwhile is not lost.
    const value = Atomics.load(this.#words, this.#word);
    for (const wake of this.#armed) wake();
    if (this.#armed.size > 0) this.#listen(value);
    else this.#isListening = false;
  };
}
