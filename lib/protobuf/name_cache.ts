import { readText } from "./text.ts";
import type { WireReader } from "./wire.ts";

/** Names of models, tensors and datatypes that one thread meets; a power of two. */
const NAMES_MAX = 256;

/** Longer texts are no names that come again and again. */
const NAME_BYTES_MAX = 64;

interface Name {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads texts that mostly came before: those are compared, not decoded, and are the same string each
 * time, whose hash the runtime has worked out already.
 *
 * Of two names that share a slot the later one stays; at most NAMES_MAX of NAME_BYTES_MAX are held.
 */
export class NameCache {
  readonly #names: (Name | undefined)[] = new Array<Name | undefined>(NAMES_MAX).fill(undefined);

  /** Reads a field's text as `readText` does, and throws what it throws. */
  read(reader: WireReader): string {
    const from = reader.at;
    const length = reader.readLength();
    const { bytes, at } = reader;
    const slot = slotOf(bytes, at, length);
    const known = this.#names[slot];
    if (known !== undefined && isAt(known.bytes, bytes, at, length)) {
      reader.skipBytes(length);
      return known.text;
    }
    reader.at = from;
    const text = readText(reader);
    if (length <= NAME_BYTES_MAX) {
      this.#names[slot] = { text, bytes: bytes.slice(at, at + length) };
    }
    return text;
  }
}

/** Source: FNV-1a, 32 bits, its halves put together. */
function slotOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = 0x811c_9dc5;
  const end = at + Math.min(length, NAME_BYTES_MAX);
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x0100_0193);
  return (hash ^ (hash >>> 16)) & (NAMES_MAX - 1);
}

function isAt(name: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) {
    if (name[i] !== bytes[at + i]) return false;
  }
  return true;
}
