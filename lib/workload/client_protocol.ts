import type { ClosedLoopResult } from "./closed_loop.ts";

/** A workload that is made up as it runs. */
export type MadeWorkload =
  | { readonly name: "random" }
  | { readonly name: "numstore"; readonly keys: number };

/** What a client thread is told: what to send, and where. It starts on `run`, after `ready`. */
export type ClientCommand =
  | {
    readonly type: "prepare";
    readonly hostname: string;
    readonly port: number;
    readonly workload: MadeWorkload;
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
