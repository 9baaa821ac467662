import type { ModelTableDescriptor } from "../runtime/generation.ts";
import type { ModelCommand, ModelCommandResult } from "../runtime/model_commands.ts";
import type { StoreNews } from "../store/store_protocol.ts";
import type { TraceSettings } from "../telemetry/trace_settings.ts";
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

/** What a server proves itself with, and what its callers have to show; it may change while it serves. */
export interface ServerCredentials {
  /** Certificates and private key, PEM text; without them connections are not encrypted. */
  readonly keyPair?: { readonly cert: string; readonly key: string };
  /** SHA-256 of each valid token, 32 bytes; without them everybody may call. */
  readonly tokenDigests?: readonly Uint8Array[];
  /** … of each that may load and unload models, too; without them whoever may call may. */
  readonly adminTokenDigests?: readonly Uint8Array[];
}

/** The memory that serving threads share for all models. */
export interface ModelMemory {
  /** What all threads count of the model that is built in. */
  readonly linearStatistics: SharedArrayBuffer;
  /** The words on which serving threads wait for models' answers. */
  readonly wakes: SharedArrayBuffer;
}

/** What a serving thread needs to reach the Pipeline's workers. */
export interface PipelineStart {
  /** 0 for none. */
  readonly workers: number;
  readonly queueMax: number;
  /** What the workers are told to have done. */
  readonly board: SharedArrayBuffer;
}

/** What Invocation's runs are made with. */
export interface InvocationRules {
  /** The model's name. */
  readonly model: string;
  /** Within which the store answers a call, or it fails. */
  readonly storeTimeoutMs: number;
  /** Whether the server is not ready while the store is down. */
  readonly needsStore: boolean;
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
  readonly credentials: ServerCredentials;
  readonly models: ModelTableDescriptor;
  readonly modelMemory: ModelMemory;
  readonly pipeline: PipelineStart;
  /** Where to serve REST; undefined for nowhere. */
  readonly httpPort: number | undefined;
  /** How to trace inferences; undefined for not at all. */
  readonly tracing: TraceSettings | undefined;
  readonly invocation: InvocationRules;
}

/** What the supervisor tells a serving thread. */
export type ThreadCommand =
  | ThreadStart
  /** Use these for new connections and calls, answer `renewed` or `renewFailed`. */
  | { readonly type: "renew"; readonly credentials: ServerCredentials }
  /** Take no more connections and calls, finish those in flight, answer `drained`. */
  | { readonly type: "drain" }
  /** Serve these models from now on, answer `modelsServed`. */
  | { readonly type: "serveModels"; readonly models: ModelTableDescriptor }
  | { readonly type: "commandResult"; readonly id: number; readonly result: ModelCommandResult }
  /** How the store is; told to threads that serve, whenever it changes. */
  | StoreNews;

/** What a serving thread tells the supervisor. */
export type ThreadReport =
  | {
    readonly type: "listening";
    readonly port: number;
    readonly httpPort?: number | undefined;
  }
  | { readonly type: "modelsServed"; readonly revision: number }
  /** Somebody has asked it for what the main thread alone can do. */
  | { readonly type: "command"; readonly id: number; readonly command: ModelCommand }
  | { readonly type: "drained" }
  /** Somebody has asked it for what needs the store. */
  | { readonly type: "storeNeeded" }
  /** The store did not do what it was asked for, the first time after it did; not oftener than every few seconds. */
  | { readonly type: "storeFails"; readonly reason: string }
  /** It does again. */
  | { readonly type: "storeWorks" }
  | { readonly type: "renewed" }
  /** It cannot use the credentials that it was given, and goes on with those before. */
  | { readonly type: "renewFailed"; readonly message: string }
  /** It cannot listen, and why. */
  | { readonly type: "listenFailed"; readonly message: string }
  /** A handler failed with a bug; the call ended with UNKNOWN. */
  | { readonly type: "handlerError"; readonly path: string; readonly error: string }
  /** Spans could not be exported: how many inferences' so far; told the first time, and at its end. */
  | { readonly type: "spansLost"; readonly lost: number; readonly reason: string }
  /** It could not take a connection, the first time after it could; it goes on trying. */
  | { readonly type: "acceptFailed"; readonly message: string };
