import { z } from "zod";
import type { WorkloadRequest } from "./request.ts";

/** The most numbers in one request: what fits in gRPC's default message limit of 4 MiB. */
export const WORKLOAD_ELEMENTS_MAX = 1_048_576;

/** Characters of a wrong value that an error message repeats. */
const FOUND_CHARS_MAX = 40;

/** What zod hands to an error function: the value it looked at and why it dislikes it. */
type ErrorFunction = (issue: { code: string; input?: unknown; keys?: string[] }) => string;

const vectorSchema = z.array(z.unknown(), { error: ({ input }) => mismatch("an array", input) })
  .max(WORKLOAD_ELEMENTS_MAX, { error: ({ input }) => tooLong(input as unknown[]) })
  .transform((elements, context): readonly number[] => {
    // One by one, because zod would list every wrong element, and a million issues take long.
    const index = elements.findIndex((element) => !isFloat32(element));
    if (index < 0) return elements as number[];
    const input = elements[index];
    context.issues.push({ code: "custom", path: [index], input, message: notFloat32(input) });
    return z.NEVER;
  });

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const keySchema = z.string({ error: ({ input }) => mismatch("a string", input) })
  .refine((key) => key.isWellFormed(), { error: "expected Unicode text, found half a character" });

const int64Schema = z.unknown().transform((input, context): bigint => {
  const number = parseInt64(input);
  if (number !== undefined) return number;
  context.issues.push({ code: "custom", input, message: mismatch(INT64_EXPECTED, input) });
  return z.NEVER;
});

const INT64_EXPECTED = "an int64, as an integer of up to 2^53 - 1 or as a string of digits";

/**
 * The whole of a workload file, its elements not looked into: those are for
 * `workloadRequestSchema`, one at a time, so that a file of wrong ones costs one error message.
 */
export const workloadFileSchema = z.strictObject({
  requests: z.array(z.unknown(), { error: ({ input }) => mismatch("an array", input) }),
}, { error: objectError("requests") });

/**
 * One element of a workload file. Its messages say what is expected and what was found.
 *
 * Source: spec modelserver and spec numstore, "Client".
 */
export const workloadRequestSchema: z.ZodType<WorkloadRequest> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("SetCoefs"),
    value: z.strictObject({ coefs: vectorSchema }, { error: objectError("coefs") }),
  }, { error: objectError("type and value") }),
  z.strictObject({
    type: z.literal("Predict"),
    value: z.strictObject({ inputs: vectorSchema }, { error: objectError("inputs") }),
  }, { error: objectError("type and value") }),
  z.strictObject({
    type: z.literal("SetNum"),
    value: z.strictObject({ key: keySchema, value: int64Schema }, {
      error: objectError("key and value"),
    }),
  }, { error: objectError("type and value") }),
  z.strictObject({
    type: z.literal("Fact"),
    value: z.strictObject({ key: keySchema }, { error: objectError("key") }),
  }, { error: objectError("type and value") }),
], { error: requestError });

function requestError({ code, input }: Parameters<ErrorFunction>[0]): string {
  if (code !== "invalid_union") return mismatch("an object with type and value", input);
  return mismatch('"SetCoefs", "Predict", "SetNum" or "Fact"', (input as { type?: unknown }).type);
}

function objectError(fields: string): ErrorFunction {
  return ({ code, input, keys }) =>
    code === "unrecognized_keys"
      ? `expected only ${fields}, found ${keys?.map(describe).join(", ")} too`
      : mismatch(`an object with ${fields}`, input);
}

function isFloat32(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(Math.fround(value));
}

/** An int64 of JSON: a string of digits, or a number of which JSON.parse has lost nothing. */
function parseInt64(value: unknown): bigint | undefined {
  const isInteger = typeof value === "number" && Number.isSafeInteger(value) ||
    typeof value === "string" && /^-?\d{1,19}$/.test(value);
  if (!isInteger) return undefined;
  const number = BigInt(value);
  return number >= INT64_MIN && number <= INT64_MAX ? number : undefined;
}

function notFloat32(value: unknown): string {
  if (typeof value !== "number") return mismatch("a number", value);
  // JSON.parse makes Infinity of what is beyond float64, so the text of the file is lost.
  const found = Number.isFinite(value) ? `${value}` : "one beyond float64's";
  return `expected a number in float32's range (up to 3.4028235e38), found ${found}`;
}

function tooLong(elements: readonly unknown[]): string {
  return `expected at most ${WORKLOAD_ELEMENTS_MAX} numbers, found ${elements.length}`;
}

function mismatch(expected: string, found: unknown): string {
  return `expected ${expected}, found ${describe(found)}`;
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length <= FOUND_CHARS_MAX ? text : `${text.slice(0, FOUND_CHARS_MAX)}…`;
}
