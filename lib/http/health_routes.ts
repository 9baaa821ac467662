import { OperationError, quoted } from "../errors.ts";
import { type HttpContext, json, type Route } from "./route.ts";

/** Whether the process lives, and whether it can answer: V2's, and those that orchestrators ask for. */
export const HEALTH_ROUTES: readonly Route[] = [
  { method: "GET", path: "/healthz", operation: "live", handler: () => text("ok"), isHealth: true },
  { method: "GET", path: "/readyz", operation: "ready", handler: readyz, isHealth: true },
  {
    method: "GET",
    path: "/v2/health/live",
    operation: "serverLive",
    handler: () => json({ live: true }),
    isHealth: true,
  },
  {
    method: "GET",
    path: "/v2/health/ready",
    operation: "serverReady",
    handler: (_, context) => {
      const ready = isReady(context);
      return json({ ready }, ready ? 200 : 503);
    },
    isHealth: true,
  },
  {
    method: "GET",
    path: "/v2/models/{model}[/versions/{version}]/ready",
    operation: "modelReady",
    handler: ({ model, modelVersion }, { backend }) => {
      if (!backend.isModelReady(model, modelVersion)) {
        // Tells why, when it is not there at all.
        backend.metadata(model, modelVersion);
        throw new OperationError("unavailable", `Model ${quoted(model)} is not ready`);
      }
      return json({ name: model, ready: true });
    },
  },
];

/** Whether the models can answer, and go on to. */
export function isReady({ backend, isDraining }: HttpContext): boolean {
  return backend.isReady() && !isDraining();
}

async function readyz(_: unknown, context: HttpContext): Promise<Response> {
  if (!isReady(context)) return text(context.isDraining() ? "draining" : "not ready", 503);
  const problem = await context.invocations.problem();
  return problem === undefined ? text("ok") : text(`not ready: ${problem}`, 503);
}

function text(body: string, status = 200): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-transform" };
  return new Response(body, { status, headers });
}
