import assert from "node:assert/strict";
import fc from "fast-check";
import { JsonDocument } from "../../lib/http/json_document.ts";
import { HttpError } from "../../lib/http/http_error.ts";
import { formatJsonData, readJsonTensor } from "../../lib/http/json_tensor.ts";
import { allocateElements, type Datatype, DATATYPES } from "../../lib/tensor/datatype.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const utf8 = new TextEncoder();

const DATATYPES_IN_JSON = DATATYPES.filter((name) => name !== "FP16" && name !== "BF16");

/** Any tensor of a datatype, of random bits. */
function tensors(datatype: Datatype): fc.Arbitrary<Tensor> {
  const shapes = fc.array(fc.nat(4), { maxLength: 4 });
  return shapes.chain((shape): fc.Arbitrary<Tensor> => {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const sized = { minLength: count, maxLength: count };
    if (datatype === "BYTES") {
      const texts = fc.array(fc.string({ unit: "binary" }), sized);
      return texts.map((all) => ({
        name: "x",
        datatype,
        shape,
        data: all.map((text) => utf8.encode(text)),
      }));
    }
    return fc.uint8Array({ minLength: count * 8, maxLength: count * 8 }).map((bits) => {
      const data = allocateElements(datatype, count);
      const bytes = new Uint8Array(data.buffer);
      bytes.set(bits.subarray(0, bytes.length).map((bit) => datatype === "BOOL" ? bit % 2 : bit));
      return { name: "x", datatype, shape, data };
    });
  });
}

/** The flat text of an array of elements, nested as the shape says. */
function nest(elements: readonly string[], shape: readonly number[]): string {
  if (shape.length === 0) return `[${elements}]`;
  if (shape.length === 1) return `[${elements}]`;
  const size = elements.length / shape[0];
  const parts = Array.from(
    { length: shape[0] },
    (_, index) => nest(elements.slice(index * size, (index + 1) * size), shape.slice(1)),
  );
  return `[${parts}]`;
}

/** The same float, or NaN of whatever bits. */
function comparable(tensor: Tensor): unknown {
  return Array.from(tensor.data as Iterable<unknown>);
}

Deno.test("formatJsonData(): readJsonTensor() reads every tensor back, flat and nested", async (t) => {
  for (const datatype of DATATYPES_IN_JSON) {
    await t.step(datatype, () => {
      fc.assert(fc.property(tensors(datatype), fc.boolean(), (tensor, nested) => {
        const flat = formatJsonData(tensor);
        let text = flat;
        if (nested && datatype !== "BYTES" && tensor.data.length > 0) {
          text = nest(flat.slice(1, -1).split(","), tensor.shape);
        }
        const document = JsonDocument.parse(utf8.encode(`{"id":"\\"","data":${text}}`));
        const { data } = document.value as { data: unknown };
        const read = readJsonTensor(tensor, data, () => document.quotedAt(["data"]));
        assert.deepEqual(comparable(read), comparable(tensor));
      }));
    });
  }
});

Deno.test("JsonDocument: keeps every value but long integers, and those as their digits", () => {
  fc.assert(
    fc.property(fc.json(), fc.bigInt(), fc.integer({ min: 0, max: 3 }), (text, integer, indent) => {
      const value = { before: JSON.parse(text), integer: 0, after: [JSON.parse(text)] };
      const written = JSON.stringify(value, undefined, indent)
        .replace(/"integer":\s*0/, (found) => found.replace("0", String(integer)));
      const document = JsonDocument.parse(utf8.encode(written));
      const quoted = document.quotedAt([]) as typeof value;
      const { integer: digits, ...rest } = quoted;
      const isLong = String(integer).replace("-", "").length >= 16;
      assert.deepEqual(digits, isLong ? String(integer) : Number(integer));
      // Long integers may stand in the rest, too; as numbers both are the same.
      const numbers = (node: unknown): unknown =>
        JSON.parse(
          JSON.stringify(node),
          (_, leaf) => typeof leaf === "string" && /^-?\d{16,}$/.test(leaf) ? Number(leaf) : leaf,
        );
      assert.deepEqual(numbers(rest), numbers({ before: value.before, after: value.after }));
    }),
  );
});

Deno.test("JsonDocument: any bytes are a document or an HttpError", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => utf8.encode(text.slice(1))),
      ),
      (bytes) => {
        try {
          JsonDocument.parse(bytes);
        } catch (error) {
          assert.ok(error instanceof HttpError && error.status === 400, String(error));
        }
      },
    ),
  );
});

Deno.test("JsonDocument: strings of megabytes are passed over", () => {
  const text = JSON.stringify({ a: '\\"'.repeat(1_000_000), b: "x".repeat(4_000_000), c: 0 })
    .replace('"c":0', '"c":9007199254740993');
  const document = JsonDocument.parse(utf8.encode(text));
  assert.equal(document.quotedAt(["c"]), "9007199254740993");
  assert.equal((document.quotedAt(["a"]) as string).length, 2_000_000);
});

Deno.test("readJsonTensor(): half a character becomes U+FFFD, alone and beside its other half", () => {
  const spec = { name: "x", datatype: "BYTES", shape: [3] } as const;
  const { data } = readJsonTensor(spec, ["\ud83d", "\ude00", "\u{1f600}"], () => []);
  const texts = Array.from(
    data as readonly Uint8Array[],
    (bytes) => new TextDecoder().decode(bytes),
  );
  assert.deepEqual(texts, ["\ufffd", "\ufffd", "\u{1f600}"]);
});
