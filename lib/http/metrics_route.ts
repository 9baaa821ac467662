import { encodeResponse } from "./response_encoding.ts";
import type { Route } from "./route.ts";

/** Source: Prometheus, "Exposition formats", text format 0.0.4. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All figures for Prometheus, whichever thread is asked. */
export const METRICS_ROUTE: Route = {
  method: "GET",
  path: "/metrics",
  operation: "metrics",
  handler: async ({ request }, { backend, counters, version }) => {
    // Loaded when somebody asks, which few threads' clients do.
    const { formatMetrics } = await import("./metrics.ts");
    const models = backend.statistics(undefined, undefined);
    const text = formatMetrics({ models, counters: counters(), version });
    return await encodeResponse(request, text, { "content-type": CONTENT_TYPE });
  },
};
