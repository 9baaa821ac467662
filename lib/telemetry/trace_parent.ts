/** The span that called, and its trace. */
export interface TraceParent {
  /** 32 and 16 lower-case hex digits, not all of them 0. */
  readonly traceId: string;
  readonly spanId: string;
  /** Whether the caller records the trace. */
  readonly sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/**
 * Reads a `traceparent` field.
 *
 * Source: W3C Trace Context, "traceparent Header Field Values" and "Versioning of traceparent".
 *
 * @returns undefined for what is none: the trace starts anew then
 *
 * @example
 * ```ts
 * import { readTraceParent } from "./trace_parent.ts";
 * const parent = readTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
 * if (parent?.spanId !== "b7ad6b7169203331" || !parent.sampled) throw new Error();
 * ```
 */
export function readTraceParent(text: string | undefined): TraceParent | undefined {
  const match = text === undefined ? null : FORM.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}
