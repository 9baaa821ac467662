/** Reads and writes the text of a field of type string, behind its tag. */

import { varintBytes, type WireReader, writeVarint } from "./wire.ts";

/** UTF-8 takes at most three bytes for each UTF-16 unit. */
const UTF8_BYTES_MAX = 3;

/** Up to this length a loop reads and writes ASCII faster than the runtime's encoder is called. */
const LOOP_TEXT_BYTES_MAX = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a length and the text of so many bytes.
 *
 * @throws {RangeError} when the bytes are cut off
 * @throws {TypeError} when they are no UTF-8: two texts that differ never become one
 */
export function readText(reader: WireReader): string {
  const length = reader.readLength();
  const { bytes, at } = reader;
  reader.skipBytes(length);
  if (length <= LOOP_TEXT_BYTES_MAX) {
    let text = "";
    let i = at;
    for (; i < at + length && bytes[i] < 0x80; i++) text += String.fromCharCode(bytes[i]);
    if (i === at + length) return text;
  }
  return decoder.decode(bytes.subarray(at, at + length));
}

/** The most bytes that `writeText` writes. */
export function textBytesMax(text: string): number {
  const bytesMax = text.length * UTF8_BYTES_MAX;
  return varintBytes(bytesMax) + bytesMax;
}

/** Writes a text behind its length; a lone surrogate becomes U+FFFD. Returns the end offset. */
export function writeText(text: string, bytes: Uint8Array, offset: number): number {
  const { length } = text;
  if (length <= LOOP_TEXT_BYTES_MAX) {
    let i = 0;
    let code = 0;
    for (; i < length && (code = text.charCodeAt(i)) < 0x80; i++) bytes[offset + 1 + i] = code;
    if (i === length) {
      bytes[offset] = length;
      return offset + 1 + length;
    }
  }
  const encoded = encoder.encode(text);
  const at = writeVarint(encoded.length, bytes, offset);
  bytes.set(encoded, at);
  return at + encoded.length;
}

/** The bytes that `writeText` writes. */
export function textBytes(text: string): number {
  const { length } = text;
  let i = 0;
  while (i < length && text.charCodeAt(i) < 0x80) i++;
  const bytes = i === length ? length : encoder.encode(text).length;
  return varintBytes(bytes) + bytes;
}

/** The bytes of a text as a field whose tag is one byte; an empty one is left out. */
export function textFieldBytes(text: string): number {
  return text === "" ? 0 : 1 + textBytes(text);
}

/** Writes a text as a field unless it is empty; returns the end offset. */
export function writeTextField(
  tag: number,
  text: string,
  bytes: Uint8Array,
  offset: number,
): number {
  if (text === "") return offset;
  bytes[offset] = tag;
  return writeText(text, bytes, offset + 1);
}
