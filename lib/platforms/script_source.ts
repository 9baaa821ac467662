import { transformSync } from "@swc/wasm-typescript";
import { OperationError } from "../errors.ts";

/** What swc throws; it is no Error. */
interface SyntaxComplaint {
  readonly message: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}

/**
 * TypeScript as JavaScript, enums, namespaces and parameter properties too; types are not checked, and imports
 * of types alone are left out. Positions in errors stay those of the source, by a source map in the text.
 *
 * @param place of the file, for the message
 * @throws {OperationError} `invalid-argument` naming file, line and column of what is no TypeScript
 */
export function stripTypes(source: string, place: string): string {
  try {
    const { code, map } = transformSync(source, {
      mode: "transform",
      filename: place,
      sourceMap: true,
    });
    if (map === undefined) return code;
    const mapped = new TextEncoder().encode(map);
    return `${code}\n//# sourceMappingURL=data:application/json;base64,${encodeBase64(mapped)}`;
  } catch (cause) {
    const { message, startLine = 0, startColumn = 0 } = cause as SyntaxComplaint;
    const position = startLine === 0 ? place : `${place}:${startLine}:${startColumn + 1}`;
    throw new OperationError("invalid-argument", `Cannot read ${position}: ${message}`, { cause });
  }
}

/** Bytes as base64 with padding. Source: RFC 4648 §4. */
export function encodeBase64(bytes: Uint8Array): string {
  const CHUNK_BYTES = 32_768;
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}
