import type { TrailerField } from "./server_report.ts";

/**
 * What an answer was. An `error` is an answer that says why there is none, under the status OK; a hit or a
 * miss is told where the answer tells it.
 */
export type Outcome = "ok" | "hit" | "miss" | "error";

/** What a call is made with: one object for all calls of a slot, so that a call costs none. */
export interface BenchCallOptions {
  readonly timeoutMs: number;
  /** Hears, before the promise settles, the fields that the response ends with. */
  readonly onTrailerFields: (fields: readonly TrailerField[]) => void;
}

/**
 * What a load needs of a client. Declared here, implemented beside the services.
 *
 * A promise of the client's own is handed through, and looked at once it is there: a wrapper would be
 * measured with each call.
 */
export interface Caller<Response> {
  /** Makes the next call of its sequence on a connection, from 0; rejects when there is no answer. */
  call(connection: number, options: BenchCallOptions): Promise<Response>;
  outcomeOf(response: Response): Outcome;
  /** The name of the status code that a rejection stands for. */
  codeOf(error: unknown): string;
}

/** Bytes of connections, from their start. */
export interface Traffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
