import { OperationError } from "../errors.ts";
import type { MetadataEntry, Run, RunInput, RunOutput } from "../invocation/run.ts";

/**
 * A run as stores keep it: two JSON texts, with the fields and in the order of `model.v1`'s messages.
 *
 * Texts, since they go from thread to thread in one piece, and since JSON keeps what a database's own strings
 * do not: NUL, and halves of surrogate pairs.
 */
export interface RunText {
  /** The input's id, under which it is kept. */
  readonly id: number;
  readonly input: string;
  readonly output: string;
}

export function encodeRun({ input, output }: Run): RunText {
  return {
    id: input.id,
    input: JSON.stringify({
      id: input.id,
      content: input.content,
      metadata: input.metadata.map(pair),
    }),
    output: JSON.stringify({ id: output.id, metadata: output.metadata.map(pair) }),
  };
}

/**
 * The run that a store kept.
 *
 * @throws {OperationError} `unavailable` when it is none: others may write to a store too
 */
export function decodeRun({ id, input, output }: RunText): Run {
  return {
    input: decodePart(id, "input", input, isInput),
    output: decodePart(id, "output", output, isOutput),
  };
}

const pair = ({ key, value }: MetadataEntry): MetadataEntry => ({ key, value });

function decodePart<Part>(
  id: number,
  name: string,
  text: string,
  isPart: (value: unknown) => value is Part,
): Part {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below: to the parser's words there is nothing to add.
  }
  if (isPart(value)) return value;
  throw new OperationError(
    "unavailable",
    `Cannot read run ${id}: what is kept as its ${name} is none, needs JSON as {"id":1,"metadata":[…]}`,
  );
}

function isInput(value: unknown): value is RunInput {
  return isOutput(value) && "content" in value && typeof value.content === "string";
}

function isOutput(value: unknown): value is RunOutput {
  return typeof value === "object" && value !== null &&
    "id" in value && Number.isInteger(value.id) &&
    "metadata" in value && Array.isArray(value.metadata) && value.metadata.every(isPair);
}

function isPair(value: unknown): value is MetadataEntry {
  return typeof value === "object" && value !== null &&
    "key" in value && typeof value.key === "string" &&
    "value" in value && typeof value.value === "string";
}
