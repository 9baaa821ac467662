import type { CallKind } from "../grpc/authenticator.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import type { PipelineWorkers } from "../pipeline/pipeline_workers.ts";
import type { BodyBudget } from "./body_budget.ts";
import type { KeptRuns } from "./kept_runs.ts";
import type { BodyLimits } from "./request_body.ts";

/** Counters of the server by name, each a sum since it started. */
export type CounterSource = () => Readonly<Record<string, number>>;

/** What the routes answer from. */
export interface HttpContext {
  readonly backend: InferenceBackend;
  readonly invocations: KeptRuns;
  readonly bodyLimits: BodyLimits;
  readonly budget: BodyBudget;
  /** What long answers may hold together that clients have not taken yet. */
  readonly answers: BodyBudget;
  readonly pipeline: PipelineWorkers;
  readonly counters: CounterSource;
  /** The server's version. */
  readonly version: string;
  isDraining(): boolean;
}

/** A request that a route has matched. */
export interface HttpCall {
  readonly request: Request;
  /** What stood for `{model}`, decoded. */
  readonly model: string;
  /** What stood for `{version}`, decoded. */
  readonly modelVersion: string | undefined;
  /** What stood for `{id}`, decoded. */
  readonly id: string;
}

/** Answers a request; throws HttpError or OperationError for the client, anything else is a bug. */
export type HttpHandler = (call: HttpCall, context: HttpContext) => Response | Promise<Response>;

/** What is answered under one path. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With `{model}`, `{version}` and `{id}`, as OpenAPI writes it; what is in brackets may be absent. */
  readonly path: string;
  /** The operation's name in the API's description. */
  readonly operation: string;
  readonly handler: HttpHandler;
  /** Whether it is answered to all, however busy the server is: it tells of the server's health. */
  readonly isHealth?: true;
  /** Undefined for what whoever may call may do. */
  readonly kind?: CallKind;
  /** What is answered when there is too much to do; by default an error as any other. */
  readonly onOverload?: () => Response;
}

/** The paths for which a route's stands. */
export function pathsOf({ path }: Route): readonly string[] {
  const [whole, optional] = /\[(.*)\]/.exec(path) ?? [];
  if (whole === undefined) return [path];
  return [path.replace(whole, ""), path.replace(whole, optional)];
}

/** A small answer in JSON. */
export function json(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-transform", ...headers },
  });
}
