import type { ConnectionCredentials } from "../workload/client_protocol.ts";
import type { LoadPlan } from "./load_plan.ts";
import type { SecondRecord } from "./second_record.ts";
import type { ThreadResult } from "./thread_load.ts";

/** Where the calls of a run go. */
export interface BenchAddress {
  readonly hostname: string;
  readonly port: number;
  readonly credentials: ConnectionCredentials;
}

/** What a thread of a run is told. It connects on `prepare`, and begins at `run`, after `ready`. */
export type BenchCommand =
  | {
    readonly type: "prepare";
    readonly address: BenchAddress;
    readonly plan: LoadPlan;
    /** Which of the run's threads this is, from 0. */
    readonly thread: number;
  }
  | {
    readonly type: "run";
    /** When the warm-up begins, in milliseconds since 1970 with fractions: threads have clocks of their own. */
    readonly beginEpochMs: number;
  }
  | { readonly type: "stop" };

/** What a thread of a run tells. */
export type BenchMessage =
  | { readonly type: "ready" }
  | { readonly type: "second"; readonly record: SecondRecord }
  | { readonly type: "done"; readonly result: ThreadResult }
  | { readonly type: "failed"; readonly message: string };
