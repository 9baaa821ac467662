import type { ModelMetadata } from "../inference/model.ts";
import type { InlineDefinition } from "../platforms/inline_definition.ts";
import type { JobQueueMemory } from "./job_queue_memory.ts";

/** A cache's memory, and that of the lock that guards it. */
export interface GenerationCacheMemory {
  readonly lock: SharedArrayBuffer;
  readonly cache: SharedArrayBuffer;
}

/** Where a generation computes: on the serving threads, or in instances behind a queue. */
export type Execution =
  | { readonly kind: "inline"; readonly definition: InlineDefinition }
  | { readonly kind: "queue"; readonly memory: JobQueueMemory };

/** How requests are treated. */
export interface ServingRules {
  /** Requests of one group may share a batch; else each runs alone. */
  readonly batching: boolean;
  /** Decimals that float inputs are rounded to. */
  readonly cacheRound: number | undefined;
  readonly priorityLevels: number;
  readonly defaultPriority: number;
  /** Instances that serve. */
  readonly instances: number;
  /** The flag that bounds its queue; model.json does where there is none. */
  readonly queueFlag?: string;
}

/**
 * A version of a model as it was loaded once; goes to each serving thread by `postMessage`.
 *
 * A version that is loaded anew is a new generation. Queue and cache belong to the generation, so what an
 * older one has computed cannot be told as a newer one's.
 */
export interface GenerationDescriptor {
  /** Never used again. */
  readonly id: number;
  readonly model: string;
  readonly version: string;
  readonly platform: string;
  readonly metadata: ModelMetadata;
  /** `model.json` with defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly rules: ServingRules;
  readonly execution: Execution;
  readonly cache: GenerationCacheMemory | undefined;
  readonly statistics: SharedArrayBuffer;
  /** What its instances record. */
  readonly recorded: SharedArrayBuffer;
}

/** All that serves, as of one moment. */
export interface ModelTableDescriptor {
  /** Grows with every change. */
  readonly revision: number;
  /** Whether all that should serve does. */
  readonly ready: boolean;
  readonly generations: readonly GenerationDescriptor[];
}
