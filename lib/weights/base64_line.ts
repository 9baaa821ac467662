import { OperationError } from "../errors.ts";

/** What ends the line, which editors and echo add. */
const LINE_END = /\r?\n$/;

const WHITESPACE = /\s/;

/**
 * The bytes of a text that is one line of standard base64, with its padding; a line end may follow.
 *
 * @throws {OperationError} `invalid-argument` when it is anything else
 */
export function decodeBase64Line(text: string): Uint8Array<ArrayBuffer> {
  const line = text.replace(LINE_END, "");
  if (line === "") throw refusal("it is empty");
  // The decoder would skip it.
  if (WHITESPACE.test(line)) throw refusal("it is more than one line");
  try {
    return Uint8Array.fromBase64(line, { lastChunkHandling: "strict" });
  } catch {
    throw refusal("it has other characters or no padding");
  }
}

function refusal(why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot decode the base64: ${why}`);
}
