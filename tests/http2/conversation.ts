import fc from "fast-check";
import {
  ACK,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  join,
  literalBlock,
  PADDED,
  PRIORITY,
  REQUEST,
  reset,
  settings,
  Type,
  windowUpdate,
} from "./wire.ts";

const WHOLE = END_HEADERS | END_STREAM;
/** `:path: /other`, inserted into the table; later requests refer to it by index 62. */
const INSERTED = join([0x83, 0x86, 0x44, 6], new TextEncoder().encode("/other"));
const REFERRING = Uint8Array.of(0x83, 0x86, 0xbe);
const TRAILERS = literalBlock([["a", "b"]]);

/** Frames of one stream, in their order; `id` is known when all streams are put together. */
type Part = (id: number) => Uint8Array;

const bodyPart: fc.Arbitrary<Part> = fc.oneof(
  fc.nat({ max: 3_000 }).map((bytes) => (id: number) => data(id, bytes)),
  fc.nat({ max: 20 }).map((padding) => (id: number) =>
    data(id, join([padding], new Uint8Array(padding + 5)), PADDED)
  ),
  fc.integer({ min: 1, max: 9_000 }).map((bytes) => (id: number) => windowUpdate(id, bytes)),
  fc.constant((id: number) => frame(Type.PRIORITY, 0, id, 5)),
);

const end: fc.Arbitrary<Part> = fc.constantFrom<Part>(
  (id) => data(id, 0, END_STREAM),
  (id) => data(id, 9, END_STREAM),
  (id) => headers(id, TRAILERS, WHOLE),
  (id) => reset(id, 8),
);

const head: fc.Arbitrary<Part> = fc.oneof(
  fc.constant((id: number) => headers(id, REQUEST)),
  fc.constant((id: number) => headers(id, join([0, 0, 0, 0, 9], REQUEST), END_HEADERS | PRIORITY)),
  fc.constant((id: number) => headers(id, join([2], REQUEST, [0, 0]), END_HEADERS | PADDED)),
  fc.constant((id: number) => headers(id, id === 1 ? REQUEST : REFERRING)),
  fc.nat({ max: REQUEST.length }).map((cut) => (id: number) =>
    join(
      headers(id, REQUEST.slice(0, cut), 0),
      frame(Type.CONTINUATION, END_HEADERS, id, REQUEST.slice(cut)),
    )
  ),
);

const exchange: fc.Arbitrary<Part[]> = fc.tuple(head, fc.array(bodyPart, { maxLength: 6 }), end)
  .map(([head, body, end]) => [head, ...body, end]);

const aside = fc.constantFrom(
  frame(Type.PING, 0, 0, 8),
  frame(Type.PING, ACK, 0, 8),
  settings([3, 7]),
  settings([4, 70_000]),
  settings([4, 100]),
  settings([1, 0], [1, 4096], [0x99, 1]),
  frame(0x55, 3, 77, 30),
  windowUpdate(0, 1_000),
);

/** What a client may send behind its preface: requests one after the other, with asides. */
export const conversation: fc.Arbitrary<Uint8Array[]> = fc.tuple(
  fc.array(exchange, { minLength: 1, maxLength: 8 }),
  fc.array(fc.tuple(fc.nat({ max: 60 }), aside), { maxLength: 8 }),
).map(([exchanges, asides]) => {
  const first = join(headers(1, INSERTED, WHOLE));
  const frames = exchanges.flatMap((parts, i) => parts.map((part) => part(2 * i + 3)));
  for (const [at, bytes] of asides) frames.splice(at, 0, bytes);
  return [settings(), first, ...frames];
});
