import { OperationError } from "../errors.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import { SPAN_FLUSH_MS } from "../limits.ts";
import { encodeSpans } from "./otlp_json.ts";
import { spanExporter } from "./span_exporter.ts";
import { SpanQueue, type SpanQueueEvents } from "./span_queue.ts";
import type { TraceSettings } from "./trace_settings.ts";
import { TracedBackend } from "./traced_backend.ts";

/** A serving thread's traces. */
export interface Tracing {
  /** The backend whose inferences are traced. */
  readonly backend: InferenceBackend;
  /** Exports what is left, for SPAN_FLUSH_MS at most; nothing is traced after it. Never rejects. */
  close(): Promise<void>;
}

/** Traces a backend's inferences from now on. @param version the server's */
export function openTracing(
  settings: TraceSettings,
  backend: InferenceBackend,
  version: string,
  events: SpanQueueEvents,
): Tracing {
  const { resource, sampler, destination } = settings;
  const scope = {
    resource,
    version,
    platformOf: (model: string, version: string | undefined) => platformOf(backend, model, version),
  };
  const queue = new SpanQueue({
    ...settings,
    exportSpans: spanExporter(destination),
    encode: (records) => encodeSpans(records, scope),
    events,
  });
  return {
    backend: new TracedBackend(backend, sampler, queue),
    close: () => queue.close(SPAN_FLUSH_MS),
  };
}

function platformOf(backend: InferenceBackend, model: string, version: string | undefined) {
  try {
    return backend.metadata(model, version).platform;
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return undefined;
  }
}
