import type { InferCall } from "../../lib/inference/infer.ts";
import type {
  PipelineStatus,
  PipelineWorkers,
  Prediction,
  WorkerLoad,
} from "../../lib/pipeline/pipeline_workers.ts";

/** Workers that answer what a test tells them to, and remember what they were asked. */
export class FakeWorkers implements PipelineWorkers {
  readonly uploads: { readonly nnId: string; readonly weights: Uint8Array }[] = [];
  readonly vectors: (readonly number[])[] = [];
  loads: () => readonly WorkerLoad[] = () => [{ loaded: true }];
  prediction: (call: InferCall) => Prediction | Promise<Prediction> = () => {
    return { nnId: "0d3c5dffa4374c77a554ed38c9c50296", result: 1.0000178813934326 };
  };
  told: PipelineStatus = { queued: 0, queueMax: 3, handlingMs: 0, workers: [] };

  async loadWeights(nnId: string, weights: Uint8Array): Promise<readonly WorkerLoad[]> {
    this.uploads.push({ nnId, weights });
    return await this.loads();
  }

  async predict(vector: Float32Array, call: InferCall): Promise<Prediction> {
    this.vectors.push([...vector]);
    return await this.prediction(call);
  }

  status(): PipelineStatus {
    return this.told;
  }
}
