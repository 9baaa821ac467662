import type { z } from "zod";
import type { Body, Operation } from "./operation.ts";
import { INVOCATION_OPERATIONS } from "./invocation_operations.ts";
import { PIPELINE_OPERATIONS } from "./pipeline_operations.ts";
import {
  emptySchema,
  indexSchema,
  inferResponseSchema,
  liveSchema,
  modelConfigSchema,
  modelMetadataSchema,
  modelReadySchema,
  readySchema,
  serverMetadataSchema,
  statisticsSchema,
} from "./response_schemas.ts";
import { indexRequestSchema, inferRequestSchema, repositoryRequestSchema } from "./schemas.ts";

const header = (description: string, type = "string") => ({ description, schema: { type } });

const json = (schema: z.ZodType, example?: unknown): Record<string, Body> => ({
  "application/json": { schema, ...(example === undefined ? {} : { example }) },
});

const text: Record<string, Body> = { "text/plain": {} };

const HEADER_LENGTH = "Inference-Header-Content-Length";

/** Operations by their names. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  Object.entries<Operation>({
    infer: {
      tag: "inference",
      summary: "Infer",
      description: "Inputs and outputs are in JSON, or in binary form behind it, little-endian, " +
        "row-major, in the order of the JSON; those of BYTES each behind its length, a uint32.",
      parameters: [{
        name: HEADER_LENGTH,
        in: "header",
        ...header("Bytes of the JSON, when binary data follow it.", "integer"),
      }],
      request: {
        ...json(inferRequestSchema, {
          inputs: [{ name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] }],
        }),
        "application/octet-stream": {},
      },
      requestRequired: true,
      answer: "The outputs.",
      response: { ...json(inferResponseSchema), "application/octet-stream": {} },
      responseHeaders: {
        [HEADER_LENGTH]: header("Bytes of the JSON, when binary data follow it.", "integer"),
        cache: header("hit, miss or coalesced; absent for a model without a cache."),
        "server-timing": header("Milliseconds in the queue, the model and the cache."),
      },
    },
    serverLive: {
      tag: "health",
      summary: "Whether the server lives",
      answer: "It does.",
      response: json(liveSchema),
    },
    serverReady: {
      tag: "health",
      summary: "Whether the server can answer; 503 when not",
      answer: "It can.",
      response: json(readySchema),
    },
    live: {
      tag: "health",
      summary: "Whether the process lives",
      answer: "It does.",
      response: text,
    },
    ready: {
      tag: "health",
      summary: "Whether the server can answer and is not about to end; 503 when not",
      answer: "It can.",
      response: text,
    },
    modelReady: {
      tag: "health",
      summary: "Whether a model can answer; 503 when not",
      answer: "It can.",
      response: json(modelReadySchema),
    },
    serverMetadata: {
      tag: "metadata",
      summary: "What the server is",
      answer: "Its name, version and extensions.",
      response: json(serverMetadataSchema),
    },
    modelMetadata: {
      tag: "metadata",
      summary: "What a model takes and gives",
      answer: "Its inputs and outputs.",
      response: json(modelMetadataSchema),
    },
    modelConfig: {
      tag: "metadata",
      summary: "How a model is configured",
      answer: "Its configuration.",
      response: json(modelConfigSchema),
    },
    allStatistics: {
      tag: "statistics",
      summary: "What was counted of all models",
      answer: "Figures of each version.",
      response: json(statisticsSchema),
    },
    modelStatistics: {
      tag: "statistics",
      summary: "What was counted of a model",
      answer: "Figures of each version.",
      response: json(statisticsSchema),
    },
    metrics: {
      tag: "statistics",
      summary: "All figures for Prometheus",
      answer: "Text format 0.0.4.",
      response: text,
    },
    repositoryIndex: {
      tag: "repository",
      summary: "What is in the repository",
      request: json(indexRequestSchema),
      answer: "Its models and versions.",
      response: json(indexSchema),
    },
    loadModel: {
      tag: "repository",
      summary: "Load a model, anew if it is loaded",
      request: json(repositoryRequestSchema),
      answer: "It serves.",
      response: json(emptySchema),
    },
    unloadModel: {
      tag: "repository",
      summary: "Unload a model",
      request: json(repositoryRequestSchema),
      answer: "It serves no more.",
      response: json(emptySchema),
    },
    ...PIPELINE_OPERATIONS,
    openapi: {
      tag: "documentation",
      summary: "This description",
      answer: "OpenAPI 3.1.",
      response: json(emptySchema),
    },
    docs: {
      tag: "documentation",
      summary: "A page that shows this description",
      answer: "HTML.",
      response: { "text/html": {} },
    },
    ...INVOCATION_OPERATIONS,
  }),
);
