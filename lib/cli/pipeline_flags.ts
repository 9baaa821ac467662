import { OperationError } from "../errors.ts";
import { MODEL_INSTANCES_MAX, MODEL_QUEUE_SIZE_MAX, PIPELINE_QUEUE_DEFAULT } from "../limits.ts";
import { type Flag, flagValue, type GivenArguments } from "./flag.ts";
import { integerFrom } from "./flag_kind.ts";

/** What `server` runs of the Pipeline. */
export interface PipelineFlags {
  /** Workers that hold its network; 0 for none. */
  readonly pipelineWorkers: number;
  /** Predictions that may wait or run at once. */
  readonly pipelineQueue: number;
}

const workers: Flag<number> = {
  name: "--pipeline-workers",
  placeholder: "count",
  summary: "workers that hold the network of the Pipeline, 0 for none",
  kind: integerFrom(0, MODEL_INSTANCES_MAX),
  fallback: "0",
  variable: "MODELSERVER_PIPELINE_WORKERS",
};
const queue: Flag<number> = {
  name: "--pipeline-queue",
  placeholder: "count",
  summary: "most predictions of the Pipeline that wait or run at once",
  kind: integerFrom(1, MODEL_QUEUE_SIZE_MAX),
  fallback: String(PIPELINE_QUEUE_DEFAULT),
  variable: "MODELSERVER_PIPELINE_QUEUE",
};

/** The flags of the Pipeline. */
export const PIPELINE_FLAGS: readonly Flag<unknown>[] = [workers, queue];

/** @throws {OperationError} `invalid-argument` for a queue without workers. */
export function readPipelineFlags(given: GivenArguments): PipelineFlags {
  const flags = {
    pipelineWorkers: flagValue(workers, given),
    pipelineQueue: flagValue(queue, given),
  };
  const text = given.texts.get(queue.name);
  if (text === undefined || given.texts.has(workers.name)) return flags;
  throw new OperationError(
    "invalid-argument",
    `${text.source} is given, and ${workers.name} is not`,
  );
}
