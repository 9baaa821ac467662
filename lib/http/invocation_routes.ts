import { quoted } from "../errors.ts";
import { INVOCATION_LIST_DEFAULT, INVOCATION_LIST_MAX } from "../limits.ts";
import { errorResponse, HttpError, isTellable } from "./http_error.ts";
import { isReady } from "./health_routes.ts";
import { holdAnswer } from "./held_answer.ts";
import { encodeResponse } from "./response_encoding.ts";
import { type HttpCall, type HttpContext, type HttpHandler, json, type Route } from "./route.ts";

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

const RUN = "/invocation/{id}";

/** What Invocation keeps, told and deleted. Source: spec invocation, "Behaviour". */
export const INVOCATION_ROUTES: readonly Route[] = [
  { method: "GET", path: "/", operation: "invocationReady", handler: ready, isHealth: true },
  { method: "GET", path: RUN, operation: "findInvocation", handler: telling(find) },
  { method: "DELETE", path: RUN, operation: "deleteInvocation", handler: telling(remove) },
  { method: "GET", path: "/invocations", operation: "listInvocations", handler: telling(list) },
];

/** With a status that says so too: who asks may look at nothing else. */
async function ready(_: HttpCall, context: HttpContext): Promise<Response> {
  const isSo = isReady(context) && await context.invocations.problem() === undefined;
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-transform" };
  return new Response(isSo ? "ready!\n" : "not ready!\n", { status: isSo ? 200 : 503, headers });
}

async function find({ request, id: text }: HttpCall, { invocations, answers }: HttpContext) {
  const id = readId(text);
  const run = await invocations.find(id);
  if (run === undefined) throw notFound(id);
  const { input, output } = run;
  const body = JSON.stringify({
    model_input: { id: input.id, content: input.content, metadata: input.metadata },
    model_output: { id: output.id, metadata: output.metadata },
  });
  const answer = await encodeResponse(request, body, { "content-type": "application/json" });
  return await holdAnswer(answer, answers);
}

async function remove({ id: text }: HttpCall, { invocations }: HttpContext): Promise<Response> {
  const id = readId(text);
  if (!await invocations.delete(id)) throw notFound(id);
  return json({ message: `Input id=${id} deleted.` });
}

async function list({ request }: HttpCall, { invocations }: HttpContext): Promise<Response> {
  const query = queryOf(request);
  const limit = readLimit(query.get("limit"));
  const runs = await invocations.list({ after: query.get("after") ?? undefined, limit });
  const next = runs.length === limit ? runs[limit - 1].cursor : null;
  const body = JSON.stringify({
    invocations: runs.map(({ id, savedMs }) => ({ id, saved_ms: savedMs })),
    next,
  });
  return await encodeResponse(request, body, { "content-type": "application/json" });
}

/** Whatever `host` says, of which Deno's HTTP server makes the rest of the URL: it need not be one. */
function queryOf({ url }: Request): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start));
}

function readId(text: string): number {
  const id = Number(text);
  // One id has one name: neither "07" nor "+7" is 7.
  if (Number.isInteger(id) && String(id) === text && id >= INT32_MIN && id <= INT32_MAX) return id;
  throw new HttpError(
    400,
    `Cannot find an invocation: id is ${quoted(text)}, ` +
      `expected an integer from ${INT32_MIN} to ${INT32_MAX}`,
  );
}

function readLimit(text: string | null): number {
  if (text === null) return INVOCATION_LIST_DEFAULT;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= INVOCATION_LIST_MAX) return limit;
  throw new HttpError(
    400,
    `Cannot list invocations: limit is ${quoted(text)}, ` +
      `expected an integer from 1 to ${INVOCATION_LIST_MAX}`,
  );
}

function notFound(id: number): HttpError {
  return new HttpError(404, `Input id=${id} not found.`);
}

/** Errors of these routes stand in `message`, where other routes have `error`. */
function telling(handler: HttpHandler): HttpHandler {
  return async (call, context) => {
    try {
      return await handler(call, context);
    } catch (error) {
      if (!isTellable(error)) throw error;
      const { status, headers } = errorResponse(error);
      return new Response(JSON.stringify({ message: error.message }), { status, headers });
    }
  };
}
