/**
 * Messages that arrive on a stream, for one reader.
 *
 * Holds what came in and was not yet read; the producer bounds it through `onTaken`, which tells
 * when the reader wants more. Ends with `end` or `fail`; a reader that stops early calls `onStopped`.
 */
export class MessageQueue<Message> implements AsyncIterable<Message> {
  #messages: Message[] = [];
  /** Messages of `#messages` that were read: to shift a long array costs as much as it is long. */
  #read = 0;
  readonly #onTaken: (message: Message) => void;
  readonly #onStopped: () => void;
  #waiting: PromiseWithResolvers<IteratorResult<Message, undefined>> | undefined;
  #ended = false;
  #error: unknown;

  constructor(events: { onTaken(message: Message): void; onStopped(): void }) {
    this.#onTaken = (message) => events.onTaken(message);
    this.#onStopped = () => events.onStopped();
  }

  /** Whether nothing waits to be read. */
  get empty(): boolean {
    return this.#read === this.#messages.length;
  }

  push(message: Message): void {
    if (this.#ended) return;
    if (this.#waiting === undefined) {
      this.#messages.push(message);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#onTaken(message);
    waiting.resolve({ done: false, value: message });
  }

  /** No more messages come; those that are there can still be read. */
  end(): void {
    this.#ended = true;
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** Ends with an error, which the reader gets behind the messages that are there. */
  endWith(error: unknown): void {
    if (this.#ended) return;
    this.#error = error;
    this.#ended = true;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Ends with an error, which the reader gets at once; messages not yet read are dropped. */
  fail(error: unknown): void {
    if (this.#ended && this.empty) return;
    this.#drop();
    this.#ended = true;
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#drop();
        this.#ended = true;
        this.#onStopped();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<Message, undefined>> {
    if (!this.empty) {
      const message = this.#messages[this.#read++];
      this.#forgetRead();
      this.#onTaken(message);
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Lets go of what was read once it is half of all: a copy of the rest for as many reads as it is long. */
  #forgetRead(): void {
    if (this.#read * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#read);
    this.#read = 0;
  }

  #drop(): void {
    this.#messages = [];
    this.#read = 0;
  }
}
