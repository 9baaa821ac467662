import { HttpError } from "./http_error.ts";

/** A step into an object or an array. */
export type PathStep = string | number;

/**
 * A JSON text and what it says, with all digits of its integers.
 *
 * `JSON.parse` makes of an integer beyond 2^53 the float64 next to it. So where one is met, the text is
 * parsed once more with such integers in quotes, and their digits are looked up there: texts that have
 * none, which are most, cost nothing more. (The source text that `JSON.parse` tells a reviver costs ten
 * times the parsing, for every value.)
 *
 * Cost: parsing, and as much again up to three times when there is an integer beyond 2^53.
 * Source: RFC 8259.
 */
export class JsonDocument {
  readonly value: unknown;
  readonly #text: string;
  #quoted: unknown;

  private constructor(text: string, value: unknown) {
    this.#text = text;
    this.value = value;
  }

  /**
   * Parses a text.
   *
   * @throws {HttpError} 400 naming the place where it is not UTF-8 or not JSON
   */
  static parse(bytes: Uint8Array): JsonDocument {
    const text = decode(bytes);
    try {
      return new JsonDocument(text, JSON.parse(text));
    } catch (error) {
      // V8 tells the position, or the text around it.
      const reason = error instanceof SyntaxError ? error.message : "it is nested too deep";
      throw new HttpError(400, `Cannot parse JSON: ${reason}`);
    }
  }

  /** What stands at a path, with strings of digits for integers that `value` has rounded. */
  quotedAt(path: readonly PathStep[]): unknown {
    this.#quoted ??= JSON.parse(quoteLongIntegers(this.#text));
    let value = this.#quoted;
    for (const step of path) value = (value as Record<PathStep, unknown>)[step];
    return value;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new HttpError(400, "Cannot parse JSON: it is not UTF-8");
  }
}

/** What begins a string, or an integer of as many digits as 2^53 has, whole: none within a fraction or exponent. */
const STRING_OR_LONG_INTEGER = /"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** Puts the long integers of a valid JSON text into quotes. */
function quoteLongIntegers(text: string): string {
  const parts: string[] = [];
  const next = new RegExp(STRING_OR_LONG_INTEGER);
  let copied = 0;
  for (let match = next.exec(text); match !== null; match = next.exec(text)) {
    if (match[0] === '"') {
      next.lastIndex = endOfString(text, match.index);
    } else {
      parts.push(text.slice(copied, match.index), '"', match[0], '"');
      copied = next.lastIndex;
    }
  }
  parts.push(text.slice(copied));
  return parts.join("");
}

/** The index behind the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1);; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
}

const BACKSLASH = 0x5c;
