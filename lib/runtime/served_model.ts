import type { InferCall, InferRequest, InferResponse } from "../inference/infer.ts";

/** What answers requests to one generation, on one serving thread. */
export interface ServedModel {
  /** As `InferenceBackend.infer`; the request is for this model and version. */
  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse>;
  /** Nothing new comes; what is under way ends as it would. */
  close(): void;
}
