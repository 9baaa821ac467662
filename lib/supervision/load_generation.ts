import { SharedCache } from "../cache/shared_cache.ts";
import { OperationError } from "../errors.ts";
import type { ModelMetadata } from "../inference/model.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { describeConfig, type ModelConfig } from "../repository/model_config.ts";
import { lookAtFiles } from "../repository/version_files.ts";
import type { ModelPlan, VersionPlan } from "../repository/model_plan.ts";
import type {
  Execution,
  GenerationCacheMemory,
  GenerationDescriptor,
  ServingRules,
} from "../runtime/generation.ts";
import { hasBatchDimension } from "../runtime/input_check.ts";
import { allocateJobQueue } from "../runtime/job_queue_memory.ts";
import { RecordedBoard } from "../runtime/recorded_board.ts";
import { ModelStatisticsRow } from "../runtime/model_statistics.ts";
import type { InstanceHandle, LoadedReport } from "./instance.ts";
import {
  type GenerationContext,
  type InstancePlan,
  LiveGeneration,
  loadInstances,
} from "./live_generation.ts";
import { warmupSamples } from "./warmup.ts";

/** What all generations of a server are made with. */
export interface GenerationMaker extends GenerationContext {
  /** Starts a thread with the permissions that the version needs. */
  readonly spawn: (model: ModelPlan, version: VersionPlan) => InstanceHandle;
  /** A number that no other generation has. */
  readonly nextId: () => number;
  /** onnxruntime's, if its files stand outside of its packages. */
  readonly libraryFolder: string | undefined;
}

/**
 * Loads a version as a new generation, with all of its instances.
 *
 * @param signal gives it up, and leaves nothing
 * @throws {OperationError} what is wrong with the version, naming the model; the signal's reason when it aborts
 */
export async function loadGeneration(
  { name, config }: ModelPlan,
  version: VersionPlan,
  maker: GenerationMaker,
  signal: AbortSignal,
): Promise<LiveGeneration> {
  const stamp = await stampOf(version.folder);
  const isUnchanged = async () => await stampOf(version.folder) === stamp;
  const plan = {
    ...instancePlan({ name, config, versions: [version] }, version, maker),
    isUnchanged,
  };
  const { report, instances } = await loadInstances(
    plan,
    maker.events.onInstanceLog,
    signal,
  );
  try {
    const descriptor = describe(name, config, version, report, maker);
    return new LiveGeneration(descriptor, version.fingerprint, plan, instances, maker);
  } catch (error) {
    for (const instance of instances) instance.terminate();
    throw error;
  }
}

/** Tells whether files were changed; that of a folder that cannot be looked at is like no other. */
async function stampOf(folder: string): Promise<string> {
  try {
    return (await lookAtFiles(folder, "/")).stamp;
  } catch (error) {
    return `${error}`;
  }
}

function instancePlan(
  model: ModelPlan,
  version: VersionPlan,
  maker: GenerationMaker,
): Omit<InstancePlan, "isUnchanged"> {
  const { name, config } = model;
  const { batching } = config;
  return {
    platform: config.platform,
    source: {
      name,
      version: version.version,
      folder: version.folder,
      inputs: config.inputs,
      outputs: config.outputs,
      options: config.options,
    },
    warmup: warmupSamples(config.warmup),
    // Who asks for several instances, or for batches, gets them.
    mayInline: config.instances === 1 && batching === undefined,
    instances: config.instances,
    batching: {
      maxBatchRows: batching?.maxBatchSize ?? 1,
      maxDelayMs: batching?.maxDelayMs ?? 0,
      preferredRows: batching?.preferredBatchSizes ?? [],
    },
    timeoutMs: config.timeoutMs,
    libraryFolder: maker.libraryFolder,
    spawn: () => maker.spawn(model, version),
  };
}

function describe(
  name: string,
  config: ModelConfig,
  version: VersionPlan,
  { metadata, inline }: LoadedReport,
  maker: GenerationMaker,
): GenerationDescriptor {
  const rules = rulesOf(name, config, metadata);
  const execution: Execution = inline === undefined
    ? {
      kind: "queue",
      memory: allocateJobQueue({
        slots: config.queue.size,
        arenaBytes: config.queue.bytes,
        threads: maker.threads,
        priorityLevels: config.queue.priorityLevels,
        instances: rules.instances,
      }),
    }
    : { kind: "inline", definition: inline };
  return {
    id: maker.nextId(),
    model: name,
    version: version.version,
    platform: config.platform,
    metadata,
    config: { name, ...describeConfig(config), inputs: metadata.inputs, outputs: metadata.outputs },
    rules,
    execution,
    cache: config.cache && allocateCache(config.cache),
    statistics: ModelStatisticsRow.allocate(maker.threads + 1),
    recorded: RecordedBoard.allocate(),
  };
}

function rulesOf(name: string, config: ModelConfig, metadata: ModelMetadata): ServingRules {
  if (config.batching !== undefined && !hasBatchDimension(metadata)) {
    throw new OperationError(
      "invalid-argument",
      `Cannot batch requests of model "${name}": the first dimension of each input and output needs to be -1`,
    );
  }
  return {
    batching: config.batching !== undefined,
    cacheRound: config.cacheRound,
    priorityLevels: config.queue.priorityLevels,
    defaultPriority: config.queue.defaultPriority,
    instances: config.instances,
  };
}

function allocateCache(cache: NonNullable<ModelConfig["cache"]>): GenerationCacheMemory {
  return { lock: SharedMutex.allocate(), cache: SharedCache.allocate({ ...cache, hashBits: 128 }) };
}
