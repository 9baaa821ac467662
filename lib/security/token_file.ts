import { TOKEN_CHARS_MAX, TOKEN_CHARS_MIN, TOKENS_MAX } from "../limits.ts";
import { readCredentialFile, unusable } from "./credential_file.ts";

/** What an HTTP field value can hold and no parser cuts. Source: RFC 9110 §5.5, RFC 6750 §2.1. */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * The tokens in a file, one a line, without the white space around them; empty lines do not count.
 *
 * @param source the flag that named the file, for error messages, none of which holds a token
 * @returns at least one
 * @throws {OperationError} `invalid-argument` when there is none, there are more than TOKENS_MAX, or
 * one is of too few or too many characters, or of some that cannot travel; the message names the line.
 */
export async function readTokens(source: string, path: string): Promise<readonly string[]> {
  const tokens: string[] = [];
  const lines = (await readCredentialFile(source, path)).split("\n");
  for (const [index, line] of lines.entries()) {
    const token = line.trim();
    if (token === "") continue;
    const reason = problemOf(token);
    if (reason !== undefined) throw unusable(source, path, `line ${index + 1} ${reason}`);
    tokens.push(token);
  }
  if (tokens.length > TOKENS_MAX) {
    throw unusable(source, path, `it has ${tokens.length} tokens, at most ${TOKENS_MAX} allowed`);
  }
  return tokens;
}

function problemOf(token: string): string | undefined {
  if (!TOKEN.test(token)) return "has a character that is not printable ASCII, or a space inside";
  if (token.length < TOKEN_CHARS_MIN) {
    return `has ${token.length} characters, at least ${TOKEN_CHARS_MIN} needed`;
  }
  if (token.length > TOKEN_CHARS_MAX) {
    return `has ${token.length} characters, at most ${TOKEN_CHARS_MAX} allowed`;
  }
  return undefined;
}
