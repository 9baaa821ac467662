import type { SharedMemory } from "./shared_state.ts";

/** What a server lets its connections do. Times in milliseconds, Infinity for as long as they like. */
export interface ConnectionRules {
  /** Connections of all threads together; more are refused. */
  readonly connectionsMax: number;
  /** Calls at once on each. */
  readonly streamsMax: number;
  /** Quiet before the peer is asked whether it lives. */
  readonly quietMs: number;
  /** Open without a call. */
  readonly idleMs: number;
  /** Open at all. */
  readonly ageMs: number;
}

/** What a serving thread is told at its start. */
export interface ThreadStart {
  readonly type: "start";
  /** The thread's name as an owner of the lock; never used for another thread. */
  readonly owner: number;
  /** The thread's row of counters. */
  readonly row: number;
  readonly memory: SharedMemory;
  readonly hostname: string;
  readonly port: number;
  /** Whether other threads listen on the same port. */
  readonly sharePort: boolean;
  /** Whether to make sure first that nobody else listens there, which sharing would not notice. */
  readonly probePort: boolean;
  readonly messageBytesMax: number;
  readonly connections: ConnectionRules;
}

/** What the supervisor tells a serving thread. */
export type ThreadCommand =
  | ThreadStart
  /** Take no more connections and calls, finish those in flight, answer `drained`. */
  | { readonly type: "drain" };

/** What a serving thread tells the supervisor. */
export type ThreadReport =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "drained" }
  /** It cannot listen, and why. */
  | { readonly type: "listenFailed"; readonly message: string }
  /** A handler failed with a bug; the call ended with UNKNOWN. */
  | { readonly type: "handlerError"; readonly path: string; readonly error: string }
  /** It could not take a connection, the first time after it could; it goes on trying. */
  | { readonly type: "acceptFailed"; readonly message: string };
