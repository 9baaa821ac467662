import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationError } from "../../lib/errors.ts";
import { type Datatype, DATATYPES, elementBytes, viewElements } from "../../lib/tensor/datatype.ts";
import { rawByteLength, readRaw, writeRaw } from "../../lib/tensor/raw_bytes.ts";
import { elementCount, type Tensor } from "../../lib/tensor/tensor.ts";
import { SEED } from "./seed.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });

/** Tensors of any datatype, whose elements have any bits. */
const tensors: fc.Arbitrary<Tensor> = fc.tuple(
  fc.constantFrom(...DATATYPES),
  shapes,
  fc.infiniteStream(fc.uint8Array({ maxLength: 9 })),
  fc.infiniteStream(fc.nat(255)),
).map(([datatype, shape, texts, octets]) => {
  const count = elementCount(shape);
  if (datatype === "BYTES") {
    return { name: "t", datatype, shape, data: Array.from(texts.take(count)) };
  }
  const mask = datatype === "BOOL" ? 1 : 0xff;
  const bytes = Uint8Array.from(
    octets.take(count * elementBytes(datatype)),
    (octet) => octet & mask,
  );
  return { name: "t", datatype, shape, data: viewElements(datatype, bytes.buffer, 0, count) };
});

Deno.test("readRaw() reads what writeRaw() wrote, at any address", () => {
  fc.assert(
    fc.property(tensors, fc.integer({ min: 0, max: 9 }), (tensor, offset) => {
      const length = rawByteLength(tensor);
      const into = new Uint8Array(offset + length + 3).fill(0xaa);
      assert.equal(writeRaw(tensor, into, offset), offset + length);
      assert.deepEqual([...into.subarray(offset + length)], [0xaa, 0xaa, 0xaa]);
      const found = readRaw(tensor, into.subarray(offset, offset + length));
      assert.equal(found.datatype, tensor.datatype);
      const again = new Uint8Array(length);
      writeRaw(found, again, 0);
      assert.deepEqual(again, into.subarray(offset, offset + length));
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

Deno.test("readRaw() views what is aligned, and copies what is not", () => {
  const buffer = new ArrayBuffer(64);
  const spec = { name: "x", datatype: "FP32", shape: [2] } as const;
  const view = readRaw(spec, new Uint8Array(buffer, 8, 8)).data as Float32Array;
  assert.equal(view.buffer, buffer);
  const copy = readRaw(spec, new Uint8Array(buffer, 9, 8)).data as Float32Array;
  assert.notEqual(copy.buffer, buffer);
});

Deno.test("writeRaw() writes elements little-endian, and BYTES behind their lengths", () => {
  const into = new Uint8Array(11);
  const data = [Uint8Array.of(7, 8), new Uint8Array(0), Uint8Array.of(9)];
  assert.equal(
    writeRaw({ name: "t", datatype: "INT16", shape: [2], data: Int16Array.of(1, -2) }, into, 1),
    5,
  );
  assert.deepEqual([...into], [0, 1, 0, 0xfe, 0xff, 0, 0, 0, 0, 0, 0]);
  const texts: Tensor = { name: "t", datatype: "BYTES", shape: [3], data };
  assert.equal(rawByteLength(texts), 15);
  const bytes = new Uint8Array(15);
  assert.equal(writeRaw(texts, bytes, 0), 15);
  assert.deepEqual([...bytes], [2, 0, 0, 0, 7, 8, 0, 0, 0, 0, 1, 0, 0, 0, 9]);
});

Deno.test("readRaw() names the tensor whose bytes are not as its shape says", async (t) => {
  const table: readonly (readonly [Datatype, readonly number[], readonly number[], RegExp])[] = [
    ["FP32", [2], [1, 2, 3, 4], /"x": 4 bytes of raw data, FP32 of shape \[2\] needs 8/],
    ["INT64", [0], [1], /"x": 1 bytes of raw data, INT64 of shape \[0\] needs 0/],
    ["BYTES", [1], [], /"x": .* the 1 length-prefixed elements that BYTES of shape \[1\] needs/],
    ["BYTES", [1], [2, 0, 0, 0, 1], /the 1 length-prefixed/],
    ["BYTES", [1], [0, 0, 0, 0, 0, 0, 0, 0], /the 1 length-prefixed/],
    ["BYTES", [2], [0, 0, 0, 0], /the 2 length-prefixed/],
    ["BYTES", [1], [0, 0, 0], /the 1 length-prefixed/],
    ["BYTES", [1], [255, 255, 255, 255], /the 1 length-prefixed/],
  ];
  for (const [datatype, shape, bytes, message] of table) {
    await t.step(`${datatype} [${shape}] of ${bytes.length} bytes`, () => {
      assert.throws(
        () => readRaw({ name: "x", datatype, shape }, Uint8Array.from(bytes)),
        (error) =>
          error instanceof OperationError && error.code === "invalid-argument" &&
          message.test(error.message),
      );
    });
  }
});

Deno.test("readRaw() gives a value or our error for any bytes", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...DATATYPES),
      shapes,
      fc.uint8Array({ maxLength: 40 }),
      (datatype, shape, bytes) => {
        try {
          const found = readRaw({ name: "x", datatype, shape }, bytes);
          assert.equal(found.data.length, elementCount(shape));
          assert.equal(rawByteLength(found), bytes.length);
        } catch (error) {
          assert.ok(error instanceof OperationError, String(error));
        }
      },
    ),
    { seed: SEED, numRuns: 2_000 },
  );
});

Deno.test("elementCount() is 1 for a scalar, and 0 for a dimension of 0", () => {
  assert.deepEqual([[], [3], [2, 3], [4, 0, 2]].map(elementCount), [1, 3, 6, 0]);
});
