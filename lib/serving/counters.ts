/** What is counted of serving, each a sum since the server started unless it says "now". */
const NAMES = [
  "connectionsOpened",
  "connectionsClosed",
  "connectionErrors",
  "connectionsRefused",
  "callsStarted",
  "callsOk",
  "callsFailed",
  "threadsReplaced",
  "invocationsOk",
  "invocationsFailed",
  "storeFailures",
] as const;

/** A counter's name. */
export type CounterName = (typeof NAMES)[number];

/** All counters, summed over the threads. */
export type CounterSums = Readonly<Record<CounterName, number>>;

/** Each thread's row has cache lines of its own, so that counting never contends. */
const ROW_BYTES = 128;
const ROW_LENGTH = ROW_BYTES / Float64Array.BYTES_PER_ELEMENT;

/**
 * One thread's counters in shared memory.
 *
 * A row has one writer at a time, which needs no lock; readers may see it up to a moment late.
 *
 * ```text
 *  row 0 (supervisor)                row 1                        row n
 *  ┌──────────────────────────────┬──────────────────────────────┬─────
 *  │ 16 × float64                 │ 16 × float64                 │ …
 *  └──────────────────────────────┴──────────────────────────────┴─────
 * ```
 */
export class Counters {
  readonly #row: Float64Array<SharedArrayBuffer>;

  /** @param row the row that this thread alone writes; a thread's replacement takes it over */
  constructor(memory: SharedArrayBuffer, row: number) {
    this.#row = new Float64Array(memory, row * ROW_BYTES, ROW_LENGTH);
  }

  /** Memory for `rows` rows of counters, all zero. */
  static allocate(rows: number): SharedArrayBuffer {
    return new SharedArrayBuffer(rows * ROW_BYTES);
  }

  increment(name: CounterName): void {
    this.#row[INDEX[name]]++;
  }

  /** The row's thread has died: what was open ended with it. For whoever takes the row over. */
  settle(): void {
    const row = this.#row;
    row[INDEX.connectionsClosed] = row[INDEX.connectionsOpened];
    row[INDEX.callsFailed] = row[INDEX.callsStarted] - row[INDEX.callsOk];
  }

  /** Connections that are open now, over all rows of `memory`. */
  static openConnections(memory: SharedArrayBuffer): number {
    const cells = new Float64Array(memory);
    let open = 0;
    for (let row = 0; row < cells.length; row += ROW_LENGTH) {
      open += cells[row + INDEX.connectionsOpened] - cells[row + INDEX.connectionsClosed];
    }
    return open;
  }

  /** The sums over all rows of `memory`. */
  static sums(memory: SharedArrayBuffer): CounterSums {
    const cells = new Float64Array(memory);
    const sums = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<CounterName, number>;
    for (let row = 0; row < cells.length; row += ROW_LENGTH) {
      for (const name of NAMES) sums[name] += cells[row + INDEX[name]];
    }
    return sums;
  }
}

const INDEX = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Readonly<
  Record<CounterName, number>
>;
