import { z } from "zod";
import { API_ROUTES } from "./api_routes.ts";
import type { Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { errorSchema } from "./response_schemas.ts";
import { pathsOf, type Route } from "./route.ts";

/** JSON of OpenAPI's. */
type Node = Record<string, unknown>;

/**
 * The description of the API, made of the table of its routes and the schemas that they check with.
 *
 * Source: OpenAPI Specification 3.1.0.
 *
 * @param version the server's
 */
export function openApiDocument(version: string): Node {
  const paths: Record<string, Node> = {};
  for (const route of API_ROUTES) {
    const operation = OPERATIONS.get(route.operation);
    // A file of the page that shows this.
    if (operation === undefined) continue;
    const [first] = pathsOf(route);
    for (const path of pathsOf(route)) {
      const isFirst = path === first;
      const operationId = isFirst ? route.operation : `${route.operation}Version`;
      paths[path] ??= {};
      paths[path][route.method.toLowerCase()] = describe(route, path, operation, operationId);
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "modelserver",
      version,
      description: "Open Inference Protocol v2 with its binary tensor data extension, and the " +
        "extensions for a model repository, configuration and statistics; runs that Invocation keeps.",
    },
    tags: [...new Set([...OPERATIONS.values()].map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Error: schemaOf(errorSchema) },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

function describe(route: Route, path: string, operation: Operation, operationId: string): Node {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const parameters = names.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: operation.pathSchema ?? { type: "string" },
  }));
  return {
    operationId,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    // With a server that has no tokens, none is needed.
    security: route.isHealth ? [] : [{}, { bearer: [] }],
    parameters: [...parameters, ...operation.parameters ?? []],
    ...(operation.request === undefined ? {} : {
      requestBody: {
        required: operation.requestRequired ?? false,
        content: content(operation.request),
      },
    }),
    responses: {
      200: {
        description: operation.answer,
        ...(operation.responseHeaders === undefined ? {} : { headers: operation.responseHeaders }),
        content: content(operation.response),
      },
      default: {
        description: "What was wrong.",
        content: { "application/json": { schema: errorOf(operation) } },
      },
    },
  };
}

/** Most routes answer errors in one way. */
function errorOf({ error }: Operation): Node {
  return error === undefined ? { $ref: "#/components/schemas/Error" } : schemaOf(error);
}

/** Bodies by their media types; one without a schema is text. */
function content(bodies: Operation["response"]): Node {
  return Object.fromEntries(
    Object.entries(bodies).map(([type, { schema, example }]) => [type, {
      ...(schema === undefined ? { schema: { type: "string" } } : { schema: schemaOf(schema) }),
      ...(example === undefined ? {} : { example }),
    }]),
  );
}

function schemaOf(schema: z.ZodType): Node {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "output" });
  return openObjects(rest) as Node;
}

/** Objects may have more members than are described: clients send them, and answers may get them. */
function openObjects(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(openObjects);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key, value]) => key !== "additionalProperties" || value !== false)
      .map(([key, value]) => [key, openObjects(value)]),
  );
}
