/** The environment variables that tracing goes by, as the OpenTelemetry specification names them. */
export const TELEMETRY_VARIABLES = [
  "OTEL_SDK_DISABLED",
  "OTEL_SERVICE_NAME",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_TRACES_EXPORTER",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_EXPORTER_OTLP_TIMEOUT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
  "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
  "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
  "OTEL_BSP_SCHEDULE_DELAY",
  "OTEL_BSP_EXPORT_TIMEOUT",
  "OTEL_BSP_MAX_QUEUE_SIZE",
  "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
] as const;

/** One of them. */
export type TelemetryVariable = typeof TELEMETRY_VARIABLES[number];

/** Reads a variable; undefined when it is not set. */
export type ReadVariable = (name: TelemetryVariable) => string | undefined;

/**
 * Whether the environment asks for traces: it names an exporter or an endpoint, and does not disable them.
 *
 * The specification would export to localhost unless told not to; a server that nobody has told of a
 * collector is quiet here.
 */
export function asksForTraces(read: ReadVariable): boolean {
  if (read("OTEL_SDK_DISABLED")?.trim().toLowerCase() === "true") return false;
  const exporter = read("OTEL_TRACES_EXPORTER")?.trim();
  if (exporter) return exporter !== "none";
  return Boolean(
    read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")?.trim() ||
      read("OTEL_EXPORTER_OTLP_ENDPOINT")?.trim(),
  );
}
