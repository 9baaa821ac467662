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

  constructor(parts: ConnectionGateParts) {
    this.#parts = parts;
  }

  /** Serves a connection, or refuses it; returns what the next accept has to wait for. */
  take(connection: AcceptedConnection): Promise<void> | undefined {
    const { observer, connectionsMax } = this.#parts;
    observer.onConnectionStart();
    this.#run(connection);
    return this.#openConnections > connectionsMax + REFUSALS_MAX ? this.#room() : undefined;
  }

  async #run(connection: AcceptedConnection): Promise<void> {
    const { server, observer, connectionsMax } = this.#parts;
    let error: Error | undefined;
    if (this.#openConnections <= connectionsMax) {
      error = await server.serve(connection);
    } else {
      observer.onConnectionRefused();
      await server.refuse(connection, `the server has ${connectionsMax} connections already`);
    }
    await connection.released;
    observer.onConnectionEnd(error);
  }

  async #room(): Promise<void> {
    const { connectionsMax } = this.#parts;
    while (this.#openConnections > connectionsMax + REFUSALS_MAX) {
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }

  get #openConnections(): number {
    return Counters.openConnections(this.#parts.counters);
  }
}
