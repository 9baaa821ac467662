import type { ErrorCode } from "../errors.ts";
import type { ModelMetadata, ModelSource } from "../inference/model.ts";
import type { RecordedStatistic } from "../inference/backend.ts";
import type { InlineDefinition } from "../platforms/inline_definition.ts";
import type { PlatformLogEntry } from "../platforms/platform_log.ts";
import type { GenerationCacheMemory } from "../runtime/generation.ts";
import type { BatchRules } from "../runtime/batch_plan.ts";
import type { JobQueueMemory } from "../runtime/job_queue_memory.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Inputs that a model is given before it serves, and how often. */
export interface WarmupSample {
  readonly inputs: readonly Tensor[];
  readonly count: number;
}

/** What an instance is told first. */
export interface InstanceLoad {
  readonly type: "load";
  readonly platform: string;
  readonly source: ModelSource;
  readonly warmup: readonly WarmupSample[];
  /** Whether a model that is cheap enough may be told as a definition, for serving threads to run. */
  readonly mayInline: boolean;
  /** onnxruntime's, if its files stand outside of its packages. */
  readonly libraryFolder: string | undefined;
}

/** What it is told when all of the version's instances have loaded. */
export interface InstanceServe {
  readonly type: "serve";
  /** Which of the queue's instances it is. */
  readonly instance: number;
  /** Its name as an owner of locks; never used again. */
  readonly owner: number;
  readonly queue: JobQueueMemory;
  readonly cache: GenerationCacheMemory | undefined;
  readonly wakes: SharedArrayBuffer;
  /** Whether requests may be put together, and how. */
  readonly batched: boolean;
  readonly batching: BatchRules;
  /** Where it writes what it does, in the row of its number; undefined for nowhere. */
  readonly board: SharedArrayBuffer | undefined;
}

/** What it is told when it is not to serve what it has loaded. */
export interface InstanceUnload {
  readonly type: "unload";
}

/** What the main thread tells an instance. */
export type InstanceCommand = InstanceLoad | InstanceServe | InstanceUnload;

/** What an instance tells the main thread. */
export type InstanceReport =
  /** It waits for `serve`; with a definition it need not serve at all. */
  | {
    readonly type: "loaded";
    readonly metadata: ModelMetadata;
    readonly inline: InlineDefinition | undefined;
  }
  | { readonly type: "loadFailed"; readonly code: ErrorCode; readonly message: string }
  /** Its queue was closed and is empty, or it was not to serve, and its model is unloaded. */
  | { readonly type: "ended" }
  /** Its model's own code ends the thread: the last thing that is heard of it. */
  | { readonly type: "quit"; readonly how: string }
  | { readonly type: "log"; readonly entry: PlatformLogEntry }
  /** Sums since it was loaded, each time anew. */
  | {
    readonly type: "recorded";
    readonly statistics: Readonly<Record<string, RecordedStatistic>>;
  };
