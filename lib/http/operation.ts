import type { z } from "zod";

/** A body: text without a schema. */
export interface Body {
  readonly schema?: z.ZodType;
  readonly example?: unknown;
}

/** What the API's description says of an operation. */
export interface Operation {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Of the path's parameters; text by default. */
  readonly pathSchema?: Readonly<Record<string, unknown>>;
  /** In a request's header fields or query, as OpenAPI has parameters. */
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  readonly request?: Readonly<Record<string, Body>>;
  readonly requestRequired?: boolean;
  readonly answer: string;
  readonly response: Readonly<Record<string, Body>>;
  readonly responseHeaders?: Readonly<Record<string, unknown>>;
  /** What says what was wrong, where it is not what other routes answer. */
  readonly error?: z.ZodType;
}
