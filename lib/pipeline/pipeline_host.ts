import { OperationError } from "../errors.ts";
import {
  PIPELINE_BATCH_BYTES_MAX,
  PIPELINE_LOAD_MS_MAX,
  PIPELINE_PREDICTION_BYTES,
  PIPELINE_UPLOADS_MAX,
} from "../limits.ts";
import { PIPELINE_METADATA, PIPELINE_MODEL } from "../platforms/pipeline_network.ts";
import type { GenerationDescriptor } from "../runtime/generation.ts";
import { allocateJobQueue } from "../runtime/job_queue_memory.ts";
import type { ModelCommand, ModelCommandResult } from "../runtime/model_commands.ts";
import { ModelStatisticsRow } from "../runtime/model_statistics.ts";
import { RecordedBoard } from "../runtime/recorded_board.ts";
import type { Instance, InstanceHandle } from "../supervision/instance.ts";
import {
  type GenerationContext,
  type InstancePlan,
  LiveGeneration,
  tryInstances,
} from "../supervision/live_generation.ts";
import { describeNetwork } from "./served_network.ts";
import { WorkerBoard } from "./worker_board.ts";

/** An upload, as a serving thread passes it on. */
export type LoadWeights = Extract<ModelCommand, { kind: "loadWeights" }>;

/** What an operator wants to know of uploads. */
export interface PipelineEvents {
  onWeightsRefused(nnId: string, workers: number, refused: number, reason: string): void;
  /** An upload failed by nobody's fault but the program's. */
  onUploadFailed(reason: string): void;
}

/** What the workers are made with. */
export interface PipelineHostOptions {
  readonly workers: number;
  readonly queueMax: number;
  /** What `WorkerBoard.allocate` gave for so many workers. */
  readonly board: SharedArrayBuffer;
  readonly context: GenerationContext;
  /** A number that no other generation has. */
  readonly nextId: () => number;
  /** Starts a thread that may do nothing but compute. */
  readonly spawn: () => InstanceHandle;
  /** Lets what is loaded serve in place of what did, one change after another; if it rejects all stays. */
  readonly replace: (
    model: string,
    load: (signal: AbortSignal) => Promise<LiveGeneration>,
  ) => Promise<void>;
  readonly events: PipelineEvents;
}

/** A request takes microseconds, the largest over V2 some 30 ms; a worker that takes this long computes no more. */
const TIMEOUT_MS = 10_000;

/**
 * The Pipeline's workers on the main thread: makes a set of them for each upload.
 *
 * The workers of an upload load beside those that serve, and take over once each of them has loaded: so they hold
 * the same network at any time. One that dies is replaced by another with the weights of its set.
 */
export class PipelineHost {
  readonly #options: PipelineHostOptions;
  readonly #board: WorkerBoard;
  #uploads = 0;
  /** How many were taken; the model's version. */
  #taken = 0;

  constructor(options: PipelineHostOptions) {
    this.#options = options;
    this.#board = new WorkerBoard(options.board);
  }

  /** Carries out an upload. Never rejects. */
  async run({ nnId, weights }: LoadWeights): Promise<ModelCommandResult> {
    if (this.#uploads >= PIPELINE_UPLOADS_MAX) {
      const message = `Cannot load weights: ${PIPELINE_UPLOADS_MAX} uploads wait already`;
      return { kind: "failed", code: "resource-exhausted", message };
    }
    this.#uploads++;
    try {
      return { kind: "weights", traces: await this.#load(nnId, weights) };
    } catch (error) {
      if (error instanceof OperationError) {
        return { kind: "failed", code: error.code, message: error.message };
      }
      this.#options.events.onUploadFailed(String(error));
      const message = "Cannot load weights: the server has failed";
      return { kind: "failed", code: "internal", message };
    } finally {
      this.#uploads--;
    }
  }

  async #load(nnId: string, weights: Uint8Array): Promise<readonly (string | undefined)[]> {
    const { replace, events } = this.#options;
    let traces: readonly (string | undefined)[] = [];
    try {
      await replace(PIPELINE_MODEL, async (signal) => {
        const version = `${this.#taken + 1}`;
        const plan = this.#plan(nnId, version, weights);
        const outcomes = await tryInstances(
          plan,
          this.#options.context.events.onInstanceLog,
          signal,
        );
        traces = outcomes.map(({ failure }) => failure?.message);
        const refused = traces.filter((trace) => trace !== undefined);
        if (refused.length > 0) {
          for (const { instance } of outcomes) instance.unload();
          events.onWeightsRefused(nnId, outcomes.length, refused.length, refused[0]);
          throw new WeightsRefused();
        }
        return this.#serve(nnId, version, plan, outcomes.map(({ instance }) => instance));
      });
    } catch (error) {
      if (!(error instanceof WeightsRefused)) throw error;
    }
    return traces;
  }

  #serve(
    nnId: string,
    version: string,
    plan: InstancePlan,
    instances: readonly Instance[],
  ): LiveGeneration {
    const before = this.#taken;
    try {
      const descriptor = this.#describe(nnId, version);
      // From now on what becomes of the workers before counts no more.
      this.#taken = before + 1;
      return new LiveGeneration(descriptor, version, plan, instances, this.#options.context);
    } catch (error) {
      this.#taken = before;
      for (const instance of instances) instance.unload();
      throw error;
    }
  }

  #plan(nnId: string, version: string, weights: Uint8Array): InstancePlan {
    const { workers, board, spawn } = this.#options;
    const [x] = PIPELINE_METADATA.inputs;
    return {
      platform: "pipeline",
      source: {
        name: PIPELINE_MODEL,
        version,
        folder: "",
        inputs: undefined,
        outputs: undefined,
        options: { nnId, weights },
      },
      warmup: [{ inputs: [{ ...x, shape: [1, 2], data: Float32Array.of(0.5, 0.5) }], count: 100 }],
      // A worker is a thread of its own: that a network is small is no reason to have none.
      mayInline: false,
      instances: workers,
      batching: { maxBatchRows: 1, maxDelayMs: 0, preferredRows: [] },
      timeoutMs: TIMEOUT_MS,
      loadMs: PIPELINE_LOAD_MS_MAX,
      libraryFolder: undefined,
      spawn,
      isUnchanged: () => Promise.resolve(true),
      board,
      onPlace: (place, state) => {
        if (version === `${this.#taken}`) this.#board.setServing(place, state === "serves");
      },
    };
  }

  #describe(nnId: string, version: string): GenerationDescriptor {
    const { workers, queueMax, context, nextId } = this.#options;
    const { threads } = context;
    const bytes = PIPELINE_BATCH_BYTES_MAX + queueMax * PIPELINE_PREDICTION_BYTES;
    const queue = { size: queueMax, bytes };
    return {
      id: nextId(),
      model: PIPELINE_MODEL,
      version,
      platform: "pipeline",
      metadata: PIPELINE_METADATA,
      config: {
        name: PIPELINE_MODEL,
        platform: "pipeline",
        ...PIPELINE_METADATA,
        ...describeNetwork({ nnId, version }),
        queue,
        instances: workers,
        timeoutMs: TIMEOUT_MS,
      },
      rules: {
        batching: false,
        cacheRound: undefined,
        priorityLevels: 1,
        defaultPriority: 1,
        instances: workers,
        queueFlag: "--pipeline-queue",
      },
      execution: {
        kind: "queue",
        memory: allocateJobQueue({
          slots: queueMax,
          arenaBytes: bytes,
          threads,
          priorityLevels: 1,
          instances: workers,
        }),
      },
      cache: undefined,
      statistics: ModelStatisticsRow.allocate(threads + 1),
      recorded: RecordedBoard.allocate(),
    };
  }
}

/** Leaves a change of models as it was; who has thrown it knows why. */
class WeightsRefused extends Error {
  override readonly name = "WeightsRefused";
}
