import { OperationError } from "../errors.ts";
import type {
  IndexEntry,
  InferenceBackend,
  ModelStatistics,
  ServedModelMetadata,
} from "../inference/backend.ts";
import type { InferCall, InferRequest, InferResponse } from "../inference/infer.ts";
import type { InferenceFailure, InferenceRecord } from "./inference_record.ts";
import { isSampled, type Sampler } from "./sampler.ts";
import { newSpanId, newTraceId } from "./span_ids.ts";
import { readTraceParent } from "./trace_parent.ts";

/** Who takes what is recorded; never throws. */
export interface RecordSink {
  add(record: InferenceRecord): void;
}

/** A backend that records the inferences of another one. */
export class TracedBackend implements InferenceBackend {
  readonly #backend: InferenceBackend;
  readonly #sampler: Sampler;
  readonly #sink: RecordSink;

  constructor(backend: InferenceBackend, sampler: Sampler, sink: RecordSink) {
    this.#backend = backend;
    this.#sampler = sampler;
    this.#sink = sink;
  }

  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse> {
    const { origin } = call;
    const parent = readTraceParent(origin?.traceparent);
    const traceId = parent?.traceId ?? newTraceId();
    if (!isSampled(this.#sampler, traceId, parent)) return this.#backend.infer(request, call);
    const { model, version, inputs } = request;
    // The tensors are not valid any more when the answer is there.
    const rows = inputs.at(0)?.shape.at(0);
    const startMs = performance.now();
    const begun = { traceId, spanId: newSpanId(), parent, origin, model, version, rows, startMs };
    const onAnswer = (response: InferResponse): InferResponse => {
      const { cache, timing, version } = response;
      const answer = { cache, timing };
      const endMs = performance.now();
      this.#sink.add({ ...begun, version, endMs, answer, failure: undefined });
      return response;
    };
    const onFailure = (error: unknown): never => {
      const failure = failureOf(error, call);
      this.#sink.add({ ...begun, endMs: performance.now(), answer: undefined, failure });
      throw error;
    };
    let answer: InferResponse | Promise<InferResponse>;
    try {
      answer = this.#backend.infer(request, call);
    } catch (error) {
      return onFailure(error);
    }
    return answer instanceof Promise ? answer.then(onAnswer, onFailure) : onAnswer(answer);
  }

  isReady(): boolean {
    return this.#backend.isReady();
  }

  isModelReady(model: string, version: string | undefined): boolean {
    return this.#backend.isModelReady(model, version);
  }

  metadata(model: string, version: string | undefined): ServedModelMetadata {
    return this.#backend.metadata(model, version);
  }

  config(model: string, version: string | undefined): Readonly<Record<string, unknown>> {
    return this.#backend.config(model, version);
  }

  statistics(model: string | undefined, version: string | undefined): readonly ModelStatistics[] {
    return this.#backend.statistics(model, version);
  }

  index(signal?: AbortSignal): Promise<readonly IndexEntry[]> {
    return this.#backend.index(signal);
  }

  load(model: string, signal?: AbortSignal): Promise<void> {
    return this.#backend.load(model, signal);
  }

  unload(model: string, signal?: AbortSignal): Promise<void> {
    return this.#backend.unload(model, signal);
  }
}

/** What the caller is told, and no more; of a bug, that there is one. */
function failureOf(error: unknown, call: InferCall): InferenceFailure {
  if (error instanceof OperationError) return { type: error.code, message: error.message };
  if (call.signal.aborted && error === call.signal.reason) {
    return { type: "cancelled", message: "nobody waits for the answer any more" };
  }
  return { type: "internal", message: "the handler failed" };
}
