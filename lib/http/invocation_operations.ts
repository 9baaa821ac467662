import { z } from "zod";
import { INVOCATION_LIST_DEFAULT, INVOCATION_LIST_MAX } from "../limits.ts";
import type { Operation } from "./operation.ts";

const metadata = z.array(z.object({ key: z.string(), value: z.string() }));

const int32 = z.int32();

/** A run as it is told. */
const runSchema = z.object({
  model_input: z.object({ id: int32, content: z.string(), metadata }),
  model_output: z.object({ id: int32, metadata }),
});

const listSchema = z.object({
  invocations: z.array(z.object({
    id: int32,
    saved_ms: z.int().meta({ description: "Milliseconds since 1970." }),
  })),
  next: z.string().nullable().meta({
    description: "What `after` takes for the next page; null behind the last.",
  }),
});

const messageSchema = z.object({ message: z.string() });

const idSchema = { type: "integer", format: "int32" };

/** The routes of Invocation, for the API's description. */
export const INVOCATION_OPERATIONS: Readonly<Record<string, Operation>> = {
  invocationReady: {
    tag: "invocation",
    summary: "Whether runs can be invoked and kept; 503 when not",
    answer: "`ready!`",
    response: { "text/plain": {} },
  },
  findInvocation: {
    tag: "invocation",
    summary: "The last run of an id: its input and its output",
    pathSchema: idSchema,
    answer: "The run.",
    response: { "application/json": { schema: runSchema } },
    error: messageSchema,
  },
  deleteInvocation: {
    tag: "invocation",
    summary: "Forget the last run of an id",
    pathSchema: idSchema,
    answer: "It is forgotten.",
    response: { "application/json": { schema: messageSchema } },
    error: messageSchema,
  },
  listInvocations: {
    tag: "invocation",
    summary: "Which runs are kept, newest first",
    parameters: [
      {
        name: "after",
        in: "query",
        description: "Where the page before ended: its `next`.",
        schema: { type: "string" },
      },
      {
        name: "limit",
        in: "query",
        description: "The most runs of the page.",
        schema: {
          type: "integer",
          minimum: 1,
          maximum: INVOCATION_LIST_MAX,
          default: INVOCATION_LIST_DEFAULT,
        },
      },
    ],
    answer: "A page of them.",
    response: { "application/json": { schema: listSchema } },
    error: messageSchema,
  },
};
