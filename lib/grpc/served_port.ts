import { LISTENER_OVERLAP_MS } from "../limits.ts";
import {
  type AcceptedConnection,
  acceptLoop,
  type KeyPair,
  listen,
  type ListenOptions,
  listenTls,
} from "./listener.ts";

/** Who takes the connections of a port. */
export interface PortEvents {
  /** The next connection is accepted once what it returns has resolved. */
  onConnection(connection: AcceptedConnection): Promise<void> | void;
  /** No connection could be accepted, the first time after one could; it is tried again. */
  onAcceptFailed(error: unknown): void;
}

/** One of a port's listeners, from its opening to its close. */
interface OpenListener {
  readonly listener: Deno.TcpListener | Deno.TlsListener;
  /** Ends what the acceptance of the next connection waits for. */
  readonly tellEnd: () => void;
  /** Resolves when nothing is accepted any more. */
  readonly over: Promise<void>;
  acceptedCount: number;
  closed: boolean;
}

/**
 * A port on which a thread takes connections, over TLS when it has a key pair.
 *
 * The key pair can be replaced: connections that are open go on with the one they began with.
 */
export class ServedPort {
  readonly #options: ListenOptions;
  readonly #events: PortEvents;
  readonly #listeners = new Set<OpenListener>();
  #current: OpenListener;
  #keyPair: KeyPair | undefined;
  #closed = false;

  /** @throws {OperationError} `unavailable`, naming the address and what is wrong with it. */
  constructor(options: ListenOptions, keyPair: KeyPair | undefined, events: PortEvents) {
    this.#options = options;
    this.#events = events;
    this.#keyPair = keyPair;
    this.#current = this.#open(options, keyPair);
  }

  /** The port's number, also when the system has chosen it. */
  get number(): number {
    return this.#current.listener.addr.port;
  }

  /**
   * Gives new connections another certificate. One replacement at a time.
   *
   * A listener keeps its certificate, so another one opens on the port, and the old one closes when
   * nobody waits in its queue any more. Between that look and the close the system may still put
   * somebody into the queue, who then is reset: there is no way to close only the queue's entrance.
   * Where ports cannot be shared the old listener has to close first, and the port is closed a moment.
   *
   * @throws {OperationError} `unavailable` when it cannot listen again; then the old certificate stays.
   */
  async replace(keyPair: KeyPair): Promise<void> {
    if (this.#closed) return;
    const old = this.#current;
    const options = { ...this.#options, port: this.number, probePort: false };
    if (options.sharePort) {
      this.#current = this.#open(options, keyPair);
      await untilQuiet(old);
      this.#close(old);
      // Its socket is closed no earlier than the accept on it has ended.
      await old.over;
    } else {
      this.#close(old);
      await old.over;
      if (this.#closed) return;
      try {
        this.#current = this.#open(options, keyPair);
      } catch (error) {
        this.#current = this.#open(options, this.#keyPair);
        throw error;
      }
    }
    this.#keyPair = keyPair;
  }

  /** Takes no more connections. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) this.#close(listener);
  }

  #open(options: ListenOptions, keyPair: KeyPair | undefined): OpenListener {
    const listener = keyPair === undefined ? listen(options) : listenTls(options, keyPair);
    const { promise: end, resolve: tellEnd } = Promise.withResolvers<void>();
    const opened: OpenListener = {
      listener,
      tellEnd,
      over: acceptLoop(
        listener,
        (connection) => {
          opened.acceptedCount++;
          return this.#events.onConnection(connection);
        },
        (error) => this.#events.onAcceptFailed(error),
        end,
      ),
      acceptedCount: 0,
      closed: false,
    };
    this.#listeners.add(opened);
    return opened;
  }

  #close(opened: OpenListener): void {
    if (opened.closed) return;
    opened.closed = true;
    this.#listeners.delete(opened);
    opened.listener.close();
    opened.tellEnd();
  }
}

/** Resolves after a turn of the event loop in which nobody was accepted, or after LISTENER_OVERLAP_MS. */
async function untilQuiet(opened: OpenListener): Promise<void> {
  const endMs = performance.now() + LISTENER_OVERLAP_MS;
  for (let before = -1; opened.acceptedCount !== before && performance.now() < endMs;) {
    before = opened.acceptedCount;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
