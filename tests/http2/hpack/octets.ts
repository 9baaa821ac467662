import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import type { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import type { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { STATIC_FIELDS } from "../../../lib/http2/hpack/static_table.ts";

/** The octets of a hex dump; spaces and line ends are for the eye. */
export function fromHex(dump: string): Uint8Array {
  return Uint8Array.from(dump.match(/[0-9a-f]{2}/g) ?? [], (octet) => parseInt(octet, 16));
}

/** A header list from lines of `name: value`, as RFC 7541 prints them. */
export function fieldsOf(...lines: string[]): HeaderField[] {
  return lines.map((line) => {
    const colon = line.indexOf(": ", 1);
    return new HeaderField(line.slice(0, colon), line.slice(colon + 2));
  });
}

/** What `fieldsOf()` took. */
export function linesOf(list: HeaderList): string[] {
  return list.map((field) => `${field.name}: ${field.value}`);
}

/** Encodes one list into octets of its own. */
export function encodeBlock(encoder: HpackEncoder, list: HeaderList): Uint8Array {
  const output = new Uint8Array(encoder.encodedLengthMax(list));
  return output.slice(0, encoder.encode(list, output, 0));
}

/** Decodes all of `block`. */
export function decodeBlock(decoder: HpackDecoder, block: Uint8Array): HeaderList {
  return decoder.decode(block, 0, block.length);
}

/** The dynamic table, newest first, found as a peer would: by references until one fails. */
export function tableOf(decoder: HpackDecoder): HeaderList {
  const fields: HeaderField[] = [];
  for (let octet = 0x80 + STATIC_FIELDS.length + 1; octet < 0xff; octet++) {
    try {
      fields.push(...decodeBlock(decoder, Uint8Array.of(octet)));
    } catch {
      return fields;
    }
  }
  return fields;
}
