import type { CallOrigin, InferResponse } from "../inference/infer.ts";
import type { TraceParent } from "./trace_parent.ts";

/** Why an inference failed, as its span says it. */
export interface InferenceFailure {
  /** An error's code. */
  readonly type: string;
  /** What the caller was told. */
  readonly message: string;
}

/** What a traced inference leaves behind; spans are made of it when it is exported. */
export interface InferenceRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: TraceParent | undefined;
  readonly origin: CallOrigin | undefined;
  readonly model: string;
  /** The one that was asked for, or has answered. */
  readonly version: string | undefined;
  /** The first dimension of the first input; undefined when it has none. */
  readonly rows: number | undefined;
  /** On the clock of `performance.now()`. */
  readonly startMs: number;
  readonly endMs: number;
  /** Undefined when it failed. */
  readonly answer: Pick<InferResponse, "cache" | "timing"> | undefined;
  readonly failure: InferenceFailure | undefined;
}
