import type { InferCall } from "../inference/infer.ts";
import type { RunInput, RunOutput } from "./run.ts";

/** What inputs are run on, on one serving thread. */
export interface InvocationModel {
  /** Throws or rejects as `InferenceBackend.infer` does. */
  invoke(input: RunInput, call: InferCall): RunOutput | Promise<RunOutput>;
  /** Why it cannot be invoked now; undefined when it can. */
  problem(): string | undefined;
}

/** The name of the model that is built in: one of a repository that is called so is not invoked. */
export const MOCK_MODEL = "mock";

const MOCK_OUTPUT: RunOutput = { id: 1, metadata: [{ key: "accuracy", value: "0.9" }] };

/** Answers any input in the same way. Source: spec invocation, its mock model. */
export const mockModel: InvocationModel = {
  invoke: () => MOCK_OUTPUT,
  problem: () => undefined,
};
