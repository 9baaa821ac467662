import type { Model, ModelMetadata } from "../inference/model.ts";
import type { JobExecutor } from "../runtime/job_runner.ts";
import type { ResponsePayload } from "../runtime/payload.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Hears of each request that was run, well or not, with its times in milliseconds. */
export type OnRequest = (handlingMs: number, inferenceMs: number) => void;

/**
 * An executor that tells how long requests take, each run alone: as a whole, and in the model.
 *
 * @param model predicts at once, not by promises
 * @param open makes the executor of the model that it is given
 */
export function measuredExecutor(
  model: Model,
  open: (model: Model) => JobExecutor,
  onRequest: OnRequest,
): JobExecutor {
  const measured = new MeasuredModel(model);
  const executor = open(measured);
  return {
    execute(requests): readonly ResponsePayload[] | Promise<readonly ResponsePayload[]> {
      const startMs = performance.now();
      measured.inferenceMs = 0;
      try {
        return executor.execute(requests);
      } finally {
        onRequest(performance.now() - startMs, measured.inferenceMs);
      }
    },
  };
}

class MeasuredModel implements Model {
  /** Of the last call. */
  inferenceMs = 0;
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  get metadata(): ModelMetadata {
    return this.#model.metadata;
  }

  predict(inputs: readonly Tensor[]): readonly Tensor[] | Promise<readonly Tensor[]> {
    const startMs = performance.now();
    try {
      return this.#model.predict(inputs);
    } finally {
      this.inferenceMs = performance.now() - startMs;
    }
  }

  unload(): void | Promise<void> {
    return this.#model.unload();
  }
}
