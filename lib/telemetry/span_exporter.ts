import { OperationError } from "../errors.ts";
import type { SpanDestination } from "./trace_settings.ts";

/** Sends an export's body where it belongs; rejects with OperationError `unavailable` when it did not get there. */
export type ExportSpans = (body: string, signal: AbortSignal) => Promise<void>;

/** How spans get to a destination. A collector's failure is not tried again: it would be for later spans. */
export function spanExporter(destination: SpanDestination): ExportSpans {
  if (destination.kind === "console") return writeSpans;
  const { url, headers } = destination;
  return (body, signal) => postSpans(url, headers, body, signal);
}

/** Source: OTLP 1.x, "OTLP/HTTP Request" and "OTLP/HTTP Response". */
async function postSpans(
  url: string,
  headers: readonly (readonly [string, string])[],
  body: string,
  signal: AbortSignal,
): Promise<void> {
  const fields = new Headers(headers.map(([key, value]) => [key, value]));
  fields.set("content-type", "application/json");
  let response: Response;
  try {
    // To another address the fields, which may be secret, do not go.
    response = await fetch(url, {
      method: "POST",
      headers: fields,
      body,
      signal,
      redirect: "error",
    });
    await response.body?.cancel();
  } catch (cause) {
    const why = signal.aborted ? "it did not answer in time" : "it cannot be reached";
    throw new OperationError("unavailable", `Cannot export traces to the collector: ${why}`, {
      cause,
    });
  }
  if (response.ok) return;
  throw new OperationError(
    "unavailable",
    `Cannot export traces to the collector: it answered ${response.status}, need 200`,
  );
}

// deno-lint-ignore require-await -- rejects rather than throws
async function writeSpans(body: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${body}\n`);
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}
