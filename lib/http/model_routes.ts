import { encodeResponse } from "./response_encoding.ts";
import { type HttpCall, type HttpContext, json, type Route } from "./route.ts";
import { formatStatistics } from "./model_statistics.ts";

/** What this server can do beside the protocol. Source: the names of Triton's extensions. */
export const EXTENSIONS: readonly string[] = [
  "binary_tensor_data",
  "model_configuration",
  "model_repository",
  "parameters",
  "schedule_policy",
  "statistics",
];

const MODEL = "/v2/models/{model}[/versions/{version}]";

/** What the server and its models say of themselves. Source: Open Inference Protocol v2, "Metadata". */
export const MODEL_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v2",
    operation: "serverMetadata",
    handler: (_, { version }) => json({ name: "modelserver", version, extensions: EXTENSIONS }),
  },
  // In front of the models: one that is called "stats" tells of itself under its version alone.
  { method: "GET", path: "/v2/models/stats", operation: "allStatistics", handler: statistics },
  { method: "GET", path: MODEL, operation: "modelMetadata", handler: metadata },
  {
    method: "GET",
    path: `${MODEL}/config`,
    operation: "modelConfig",
    handler: ({ request, model, modelVersion }, { backend }) =>
      large(request, backend.config(model, modelVersion)),
  },
  { method: "GET", path: `${MODEL}/stats`, operation: "modelStatistics", handler: statistics },
];

function metadata({ request, model, modelVersion }: HttpCall, { backend }: HttpContext) {
  const { name, versions, platform, inputs, outputs } = backend.metadata(model, modelVersion);
  return large(request, { name, versions, platform, inputs, outputs });
}

function statistics({ request, model, modelVersion }: HttpCall, { backend }: HttpContext) {
  const of = model === "" ? undefined : model;
  const figures = backend.statistics(of, modelVersion);
  return large(request, { model_stats: figures.map(formatStatistics) });
}

function large(request: Request, value: unknown): Response | Promise<Response> {
  return encodeResponse(request, JSON.stringify(value), { "content-type": "application/json" });
}
