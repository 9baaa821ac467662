/** Where an operator reads how the store is. */
export interface StoreLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * Tells an operator when the store goes down and when it is back, once each: its thread and every serving thread
 * see it for themselves.
 */
export class StoreWatch {
  readonly #log: StoreLog;
  #isDown = false;

  constructor(log: StoreLog) {
    this.#log = log;
  }

  /** Its thread has opened it. */
  onOpened(store: string): void {
    this.#isDown = false;
    this.#log.info("the store is open", { store });
  }

  /** It could not be opened, or its thread died; told once for each reason in a row. */
  onDown(store: string, reason: string): void {
    this.#isDown = true;
    this.#log.warn("the store is down, and tried again", { store, reason });
  }

  /** It is open, and does not do what a serving thread has asked for. */
  onStoreFails(reason: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#log.warn("the store fails", { reason });
  }

  onStoreWorks(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#log.info("the store works again");
  }
}
