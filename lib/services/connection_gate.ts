import type { AcceptedConnection } from "../grpc/listener.ts";
import type { GrpcServer } from "../grpc/server.ts";
import { ACCEPT_RETRY_MS, REFUSALS_MAX } from "../limits.ts";
import { Counters } from "../serving/counters.ts";
import type { ThreadObserver } from "./thread_observer.ts";

/** What a gate works with. */
export interface ConnectionGateParts {
  readonly server: GrpcServer;
  readonly observer: ThreadObserver;
  /** The counters of all threads. */
  readonly counters: SharedArrayBuffer;
  /** Connections that all threads together may have. */
  readonly connectionsMax: number;
}

/**
 * Lets no more connections in than all threads together may have.
 *
 * Those beyond are told so and closed; when even they are too many, the thread accepts no more until
 * some have gone. Threads look before they know of each other's newest connection, so there may be one
 * more for each thread.
 */
export class ConnectionGate {
  readonly #parts: ConnectionGateParts;
  /** Connections that are being refused, by this thread. They are none of those that are open. */
  #refusals = 0;

  constructor(parts: ConnectionGateParts) {
    this.#parts = parts;
  }

  /** Serves a connection, or refuses it; returns what the next accept has to wait for. */
  take(connection: AcceptedConnection): Promise<void> | undefined {
    const { counters, connectionsMax } = this.#parts;
    if (Counters.openConnections(counters) < connectionsMax) {
      this.#serve(connection);
      return undefined;
    }
    this.#refuse(connection);
    return this.#refusals > REFUSALS_MAX ? this.#room() : undefined;
  }

  async #serve(connection: AcceptedConnection): Promise<void> {
    const { server, observer } = this.#parts;
    observer.onConnectionStart();
    const error = await server.serve(connection);
    await connection.released;
    observer.onConnectionEnd(error);
  }

  async #refuse(connection: AcceptedConnection): Promise<void> {
    const { server, observer, connectionsMax } = this.#parts;
    this.#refusals++;
    observer.onConnectionRefused();
    await server.refuse(connection, `the server has ${connectionsMax} connections already`);
    await connection.released;
    this.#refusals--;
  }

  async #room(): Promise<void> {
    while (this.#refusals > REFUSALS_MAX) {
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}
