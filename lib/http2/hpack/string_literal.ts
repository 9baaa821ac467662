import { compressionError } from "./compression_error.ts";
import {
  huffmanDecode,
  huffmanDecodedLengthMax,
  huffmanEncode,
  huffmanEncodedLength,
} from "./huffman.ts";
import { type BlockCursor, decodeInteger, encodeInteger } from "./integer.ts";
import { octetsToString } from "./octet_string.ts";

/** The bit of a literal's first octet that says its octets are Huffman-coded. Source: RFC 7541 §5.2. */
const HUFFMAN_FLAG = 0x80;

/** Room for the longest field that a table of 4 KiB takes; longer ones get a buffer of their own. */
const SCRATCH_BYTES = 4096;

/** Reused by every call: a call never yields while it holds something of its own. */
const scratch = new Uint8Array(SCRATCH_BYTES);

/**
 * Reads the string literal at the cursor.
 *
 * Nothing is allocated before the literal is known to lie within the block, and what is allocated is
 * at most 8/5 of the literal's length. Source: RFC 7541 §5.2.
 *
 * @returns a binary string, "" for an empty literal
 * @throws Http2Error COMPRESSION_ERROR if the block ends within the literal or its Huffman code is wrong
 */
export function decodeString(cursor: BlockCursor): string {
  if (cursor.offset >= cursor.end) throw compressionError("it ends before a string");
  const coded = (cursor.bytes[cursor.offset] & HUFFMAN_FLAG) !== 0;
  const length = decodeInteger(cursor, 7);
  const start = cursor.offset;
  const end = start + length;
  if (end > cursor.end) {
    throw compressionError(`a string of ${length} octets found, ${cursor.end - start} are left`);
  }
  cursor.offset = end;
  if (!coded) return octetsToString(cursor.bytes, start, end);

  const lengthMax = huffmanDecodedLengthMax(length);
  const decoded = lengthMax <= SCRATCH_BYTES ? scratch : new Uint8Array(lengthMax);
  return octetsToString(decoded, 0, huffmanDecode(cursor.bytes, start, end, decoded));
}

/**
 * Writes a string literal, Huffman-coded where that is shorter. Source: RFC 7541 §5.2.
 *
 * @param text a binary string
 * @param output has room for 5 + `text.length` octets after `offset`
 * @returns the offset after the last octet written
 */
export function encodeString(text: string, output: Uint8Array, offset: number): number {
  const codedLength = huffmanEncodedLength(text);
  if (codedLength < text.length) {
    return huffmanEncode(text, output, encodeInteger(codedLength, 7, HUFFMAN_FLAG, output, offset));
  }
  const start = encodeInteger(text.length, 7, 0, output, offset);
  for (let i = 0; i < text.length; i++) output[start + i] = text.charCodeAt(i);
  return start + text.length;
}
