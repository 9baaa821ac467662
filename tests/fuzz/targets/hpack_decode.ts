import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { HeaderListTooLargeError } from "../../../lib/http2/hpack/header_list_too_large_error.ts";
import { STATIC_FIELDS } from "../../../lib/http2/hpack/static_table.ts";
import { ErrorCode, Http2Error } from "../../../lib/http2/http2_error.ts";
import { mutant } from "../mutation.ts";
import { NaiveError, NaiveHpackDecoder } from "../naive_hpack.ts";
import { Script } from "../script.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** Small enough that inputs get past it. */
const LIST_BYTES_MAX = 1_000;
const TABLE_BYTES_MAX = [4096, 0, 64, 200, 9000] as const;

/** A reference to the newest field of the dynamic table, in one octet. */
const FIRST_DYNAMIC = 0x80 + STATIC_FIELDS.length + 1;

/** An input in so many takes the slow way too, by the sum of its bytes. */
const COMPARED_ONE_IN = 4;

/**
 * Header blocks of one connection: the first byte chooses the table's size, then each block stands
 * behind its length. The decoder gives fields, within its limits, or its own errors; and the same as
 * a decoder that takes no shortcuts.
 */
export const hpackDecode: FuzzTarget = {
  name: "hpack-decode",
  share: 8,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const script = new Script(input);
    const tableBytesMax = script.pick(TABLE_BYTES_MAX);
    const decoder = new HpackDecoder(tableBytesMax, LIST_BYTES_MAX);
    const naive = input.length % COMPARED_ONE_IN === 0
      ? new NaiveHpackDecoder(tableBytesMax)
      : undefined;
    const decode = (block: Uint8Array): boolean => {
      const outcome = valueOrError(() => decoder.decode(block, 0, block.length), isOurs);
      if ("value" in outcome) checkList(outcome.value, block.length);
      if (naive !== undefined) assert.equal(plain(outcome), naiveOutcome(naive, block));
      return "value" in outcome || outcome.error instanceof HeaderListTooLargeError;
    };
    while (script.more) {
      const length = script.byte();
      if (!decode(script.take(length))) return;
    }
    // What is in the table is told by references, until one fails.
    if (naive !== undefined) {
      for (let octet = FIRST_DYNAMIC; decode(Uint8Array.of(octet)); octet++);
    }
  },
};

function isOurs(error: unknown): error is Http2Error | HeaderListTooLargeError {
  return error instanceof HeaderListTooLargeError ||
    error instanceof Http2Error && error.code === ErrorCode.COMPRESSION_ERROR &&
      error.scope === "connection";
}

function checkList(fields: HeaderList, blockBytes: number): void {
  let bytes = 0;
  for (const field of fields) bytes += field.bytes;
  assert.ok(bytes <= LIST_BYTES_MAX, `a list of ${bytes} bytes`);
  assert.ok(fields.length <= blockBytes, "more fields than octets");
}

type Outcome = { readonly value: HeaderList } | { readonly error: Error };

/** An outcome as text, which compares faster than lists. */
function plain(outcome: Outcome): string {
  if ("error" in outcome) return outcome.error.name;
  return outcome.value.map(({ name, value, sensitive }) => `${name}|${value}|${sensitive}`)
    .join("\n");
}

function naiveOutcome(decoder: NaiveHpackDecoder, block: Uint8Array): string {
  try {
    const fields = decoder.decode(block);
    const bytes = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    return bytes > LIST_BYTES_MAX
      ? HeaderListTooLargeError.name
      : fields.map((field) => field.join("|")).join("\n");
  } catch (error) {
    if (error instanceof NaiveError) return Http2Error.name;
    throw error;
  }
}

const field = (name: string, value: string, sensitive = false) =>
  new HeaderField(name, value, { sensitive });

const LISTS: readonly HeaderList[] = [
  [
    field(":method", "POST"),
    field(":scheme", "http"),
    field(":path", "/ModelServer/Predict"),
    field(":authority", "127.0.0.1:5440"),
    field("te", "trailers"),
    field("content-type", "application/grpc"),
  ],
  [field(":status", "200"), field("content-type", "application/grpc")],
  [field("grpc-status", "0")],
  [field("x", "\u0000\u00ff\u0080".repeat(20)), field("", ""), field("cookie", "a", true)],
  ["a", "bc", "def", "ghij", "klmno"].map((name) => field(name, name)),
  [field("klmno", "a"), field("a", "pqrstu"), field("", ""), field("", "bc")],
  [field("a", "v".repeat(150)), field("b", "\u0001".repeat(60)), field("a", "")],
];

/** Which lists, and where the table becomes smaller: -1. */
const ORDERS = [
  [0, 1, 2, 0, 1, 2],
  [0, 0, 3],
  [3, 6, 0, -1, 0, 6],
  [4, 5, 4, 5, 4, 5, 6, 4, 5],
] as const;

const SEEDS = ORDERS.flatMap((order) => TABLE_BYTES_MAX.map((_, choice) => seed(choice, order)));

function seed(choice: number, order: readonly number[]): Uint8Array {
  const encoder = new HpackEncoder(TABLE_BYTES_MAX[choice]);
  const parts = [choice];
  for (const i of order) {
    if (i < 0) {
      encoder.setTableBytesMax(100);
      continue;
    }

    const block = new Uint8Array(encoder.encodedLengthMax(LISTS[i]));
    const length = encoder.encode(LISTS[i], block, 0);
    assert.ok(length < 256);
    parts.push(length, ...block.subarray(0, length));
  }
  return Uint8Array.from(parts);
}
