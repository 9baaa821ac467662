/**
 * What an answer was. An `error` is an answer that says why there is none, under the status OK; a hit or a
 * miss is told where the answer tells it.
 */
export type Outcome = "ok" | "hit" | "miss" | "error";

/**
 * What a load needs of a client. Declared here, implemented beside the services.
 *
 * A promise of the client's own is handed through, and looked at once it is there: a wrapper would be
 * measured with each call.
 */
export interface Caller<Response> {
  /** Makes the next call of its sequence on a connection, from 0; rejects when there is no answer. */
  call(connection: number): Promise<Response>;
  outcomeOf(response: Response): Outcome;
  /** The name of the status code that a rejection stands for. */
  codeOf(error: unknown): string;
}

/** Bytes of connections, from their start. */
export interface Traffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
