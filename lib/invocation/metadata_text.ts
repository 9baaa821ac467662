import { INVOCATION_METADATA_MAX } from "../limits.ts";
import type { MetadataEntry } from "./run.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Pairs as JSON text, in UTF-8: `[{"key":"…","value":"…"},…]`. */
export function encodeMetadata(entries: readonly MetadataEntry[]): Uint8Array {
  return encoder.encode(JSON.stringify(entries.map(({ key, value }) => ({ key, value }))));
}

/**
 * The pairs of such a text.
 *
 * @throws {RangeError} whose message says what was found and what is needed
 */
export function decodeMetadata(bytes: Uint8Array): MetadataEntry[] {
  const value = parse(bytes);
  if (!Array.isArray(value)) throw new RangeError("it is no JSON array, needs one of pairs");
  if (value.length > INVOCATION_METADATA_MAX) {
    throw new RangeError(`it has ${value.length} pairs, at most ${INVOCATION_METADATA_MAX}`);
  }
  return value.map((entry: unknown, index) => {
    if (isEntry(entry)) return { key: entry.key, value: entry.value };
    throw new RangeError(
      `its element ${index} is no pair, needs {"key", "value"} and both to be strings`,
    );
  });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new RangeError("it is no JSON text in UTF-8");
  }
}

function isEntry(value: unknown): value is MetadataEntry {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 2) return false;
  return "key" in value && typeof value.key === "string" &&
    "value" in value && typeof value.value === "string";
}
