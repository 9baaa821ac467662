import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { HeaderField } from "../../../lib/http2/hpack/header_field.ts";
import { STATIC_FIELDS } from "../../../lib/http2/hpack/static_table.ts";
import { mutant } from "../mutation.ts";
import { Script } from "../script.ts";
import type { FuzzTarget } from "../target.ts";

const NAMES = ["a", "grpc-status", "grpc-timeout", ":path", "cookie", "content-type", ""] as const;
const SIZES = [0, 31, 40, 100, 300, 4096, 5000, 0xffff_ffff] as const;
const LISTS_MAX = 12;
const output = new Uint8Array(65_536);

/**
 * Lists of fields and changes of the table's size over a connection's life: what was encoded decodes
 * to the same list, and takes no more room than was announced.
 */
export const hpackRoundTrip: FuzzTarget = {
  name: "hpack-round-trip",
  share: 12,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const script = new Script(input);
    const encoder = new HpackEncoder([4096, 0, 64, 200][script.byte() & 3]);
    const decoder = new HpackDecoder(9000, 1 << 20);
    const lists: HeaderField[][] = [];
    while (script.more) {
      const choice = script.byte();
      if (choice < 32) {
        encoder.setTableBytesMax(SIZES[choice & 7]);
        continue;
      }
      // One in two lists is an earlier one again, the same object.
      const again = (choice & 1) === 0 || lists.length === LISTS_MAX;
      const list = again ? lists[choice % LISTS_MAX] ?? [] : fieldsOf(script, choice >> 1 & 7);
      if (!again) lists.push(list);
      const lengthMax = encoder.encodedLengthMax(list);
      const length = encoder.encode(list, output, 0);
      assert.ok(length <= lengthMax, `${length} octets, ${lengthMax} announced`);
      const decoded = decoder.decode(output, 0, length);
      assert.equal(decoded.length, list.length);
      for (let i = 0; i < list.length; i++) {
        assert.equal(decoded[i].name, list[i].name);
        assert.equal(decoded[i].value, list[i].value);
        assert.equal(decoded[i].sensitive, list[i].sensitive);
      }
    }
  },
};

function fieldsOf(script: Script, count: number): HeaderField[] {
  return Array.from({ length: count }, () => {
    const choice = script.byte();
    if (choice < 64) return script.pick(STATIC_FIELDS);
    const name = choice < 200 ? script.pick(NAMES) : script.octets(script.byte() & 63);
    const value = (choice & 1) === 0
      ? script.octets(script.byte() & 63)
      : "v".repeat(script.byte() * ((choice & 2) === 0 ? 1 : 20));
    return new HeaderField(name, value, { sensitive: choice % 16 === 9 });
  });
}

const SEEDS = [0, 1, 2, 3].map((choice) =>
  Uint8Array.from([
    ...[choice, 0x2b, 10, 3, 70, 3, 2, 0x31, 0x32, 80, 4, 200, 33, 0x2d, 20, 1, 71, 2, 90],
    ...[0x80, 0x80, 2, 0x41, 220, 4, 1, 2, 3, 4, 2, 0xff, 0xfe, 201, 2, 0x61, 0x62, 100, 0x82],
    ...[3, 0x86, 5, 0x84, 0x2f, 0x67, 1, 60, 100, 3, 210, 0x80, 0x82, 0x88, 0x8a],
  ])
);
