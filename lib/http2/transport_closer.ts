import { LINGER_MS } from "../limits.ts";
import type { FrameWriter } from "./frame_writer.ts";

/** What a closer needs of a transport. */
interface Closable {
  read(into: Uint8Array): Promise<number | null>;
  closeWrite(): Promise<void>;
  close(): void;
}

const DISCARD_BYTES = 16_384;

/**
 * Closes a connection's transport so that the peer has had our last frames.
 *
 * First our side ends, then the peer has LINGER_MS to end its own: a close with unread bytes would
 * reset the connection under our last frames before the peer has read them.
 */
export class TransportCloser {
  readonly #transport: Closable;
  readonly #writer: FrameWriter;
  readonly #onEnd: () => void;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param onEnd is told when the peer is gone or has had its time: `close` is all that is left */
  constructor(transport: Closable, writer: FrameWriter, onEnd: () => void) {
    this.#transport = transport;
    this.#writer = writer;
    this.#onEnd = onEnd;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Starts the peer's time, unless it runs already. */
  linger(): void {
    if (!this.#closed) this.#lingerTimer ??= setTimeout(this.#onEnd, LINGER_MS);
  }

  /** Ends our side once all frames have left; frames that are added after that are dropped. */
  async closeWrite(): Promise<void> {
    do await this.#writer.idle(); while (this.#writer.bytes > 0);
    if (this.#closed) return;
    this.#writer.close();
    this.linger();
    try {
      await this.#transport.closeWrite();
    } catch {
      this.#onEnd(); // The peer has closed both sides before us.
    }
  }

  /** Reads until the peer ends its side or its time is over. */
  async discardRest(): Promise<void> {
    const discard = new Uint8Array(DISCARD_BYTES);
    try {
      while (!this.#closed && await this.#transport.read(discard) !== null);
    } catch {
      // The peer is gone, or the timer has closed the transport: either ends the wait.
    }
  }

  /** Closes the transport at once. No-op when closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#lingerTimer);
    this.#writer.close();
    try {
      this.#transport.close();
    } catch {
      // Closed already.
    }
  }
}
