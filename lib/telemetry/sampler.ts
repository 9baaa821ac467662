import type { TraceParent } from "./trace_parent.ts";

/** Which traces are recorded. */
export interface Sampler {
  /** Whether a trace that came with the call is recorded if, and only if, its caller records it. */
  readonly parentBased: boolean;
  /** The share of the others that is recorded, from 0 to 1. */
  readonly ratio: number;
}

/** Hex digits of a trace's id that are compared: 52 of its last 56 bits, all that a double holds exactly. */
const FIRST_DIGIT = 18;
const END_DIGIT = 31;
const RANDOM_VALUES = 2 ** 52;

/**
 * Whether a trace is recorded: the same on all servers that go by the same ratio.
 *
 * Source: OpenTelemetry Specification, "TraceIdRatioBased" and "ParentBased"; W3C Trace Context Level 2,
 * "Randomness of trace-id": the last 56 bits are random.
 */
export function isSampled(
  { parentBased, ratio }: Sampler,
  traceId: string,
  parent: TraceParent | undefined,
): boolean {
  if (parentBased && parent !== undefined) return parent.sampled;
  if (ratio === 0 || ratio === 1) return ratio === 1;
  const random = Number.parseInt(traceId.slice(FIRST_DIGIT, END_DIGIT), 16) / RANDOM_VALUES;
  return random >= 1 - ratio;
}
