import { quoted } from "../errors.ts";
import type { z } from "zod";
import { checkContentType, JSON_TYPE } from "./content_type.ts";
import { HttpError } from "./http_error.ts";
import { readJson } from "./json_request.ts";
import { receiveBody } from "./request_body.ts";
import { encodeResponse } from "./response_encoding.ts";
import { type HttpCall, type HttpContext, json, type Route } from "./route.ts";
import { indexRequestSchema, repositoryRequestSchema } from "./schemas.ts";

/** What is in the repository, and what of it serves. Source: model repository extension. */
export const REPOSITORY_ROUTES: readonly Route[] = [
  { method: "POST", path: "/v2/repository/index", operation: "repositoryIndex", handler: index },
  {
    method: "POST",
    path: "/v2/repository/models/{model}/load",
    operation: "loadModel",
    kind: "management",
    handler: async (call, context) => {
      const { parameters = {} } = await readBody(repositoryRequestSchema, call, context);
      // A configuration or files that came with the call and are ignored would load something else.
      const [found] = Object.keys(parameters);
      if (found !== undefined) {
        const problem = `parameter ${quoted(found)} is not supported, need none`;
        throw new HttpError(400, `Cannot load model ${quoted(call.model)}: ${problem}`);
      }
      await context.backend.load(call.model, call.request.signal);
      return json({});
    },
  },
  {
    method: "POST",
    path: "/v2/repository/models/{model}/unload",
    operation: "unloadModel",
    kind: "management",
    handler: async (call, context) => {
      // That what depends on it is to be unloaded, or not, is all that may be asked; nothing does.
      await readBody(repositoryRequestSchema, call, context);
      await context.backend.unload(call.model, call.request.signal);
      return json({});
    },
  },
];

async function index(call: HttpCall, context: HttpContext): Promise<Response> {
  const { ready = false } = await readBody(indexRequestSchema, call, context);
  const entries = await context.backend.index(call.request.signal);
  const wanted = ready ? entries.filter(({ state }) => state === "READY") : entries;
  const body = JSON.stringify(
    wanted.map(({ name, version, state, reason }) => ({ name, version, state, reason })),
  );
  return encodeResponse(call.request, body, { "content-type": JSON_TYPE });
}

async function readBody<Schema extends z.ZodType>(
  schema: Schema,
  { request }: HttpCall,
  { bodyLimits, budget }: HttpContext,
): Promise<z.output<Schema>> {
  checkContentType(request, [JSON_TYPE]);
  using body = await receiveBody(request, bodyLimits, budget);
  return readJson(schema, body.bytes);
}
