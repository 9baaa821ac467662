import type { OperationError } from "../../errors.ts";
import type { InferRequest } from "../../inference/infer.ts";

/** A ModelInferRequest. */
export interface ModelInferRequest {
  /** Comes back in the response; empty for none. */
  readonly id: string;
  /** Whether tensors' data travel raw, as those of the response then do too. */
  readonly raw: boolean;
  /** How long the caller waits, in milliseconds; `undefined` for as long as the call. */
  readonly timeoutMs: number | undefined;
  readonly infer: InferRequest;
  /** What is wrong with the request, which is well-formed; `infer` then has no inputs. */
  readonly refused: OperationError | undefined;
}
