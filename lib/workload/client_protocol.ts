import type { ClosedLoopResult } from "./closed_loop.ts";

/** What a client connects and calls with; the threads hand it on unseen. */
export interface ConnectionCredentials {
  /** To connect over TLS, trusting these PEM texts too. */
  readonly tls?: { readonly caCerts: readonly string[] };
  readonly token?: string;
}

/** What a client thread is told: what to send, and where. It starts on `run`, after `ready`. */
export type ClientCommand =
  | {
    readonly type: "prepare";
    readonly hostname: string;
    readonly port: number;
    readonly credentials: ConnectionCredentials;
    readonly seed: number;
    /** Which of the workload's threads this is, from 0. */
    readonly thread: number;
    readonly requests: number;
  }
  | { readonly type: "run" };

/** What a client thread tells. */
export type ClientReport =
  | { readonly type: "ready" }
  | { readonly type: "progress"; readonly done: number }
  | { readonly type: "done"; readonly result: ClosedLoopResult }
  | { readonly type: "failed"; readonly message: string };
