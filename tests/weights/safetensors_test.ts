import assert from "node:assert/strict";
import fc from "fast-check";
import { elementBytes, type FixedDatatype } from "../../lib/tensor/datatype.ts";
import { elementCount } from "../../lib/tensor/tensor.ts";
import { duplicateKey } from "../../lib/weights/duplicate_key.ts";
import { readSafetensors } from "../../lib/weights/safetensors.ts";
import { checkFiles } from "./expected_files.ts";
import { mayReadFixtures, readFixture } from "./fixture.ts";
import { hasPython, writeWithPython } from "./python_writer.ts";
import { assertRefused, SEED } from "./refusal.ts";
import { safetensorsFile } from "../../tasks/models/safetensors_writer.ts";

Deno.test({
  name: "readSafetensors() reads what safetensors wrote, byte for byte",
  ignore: !mayReadFixtures,
}, async (t) => {
  await checkFiles(t, new URL("./fixtures", import.meta.url).pathname, "safetensors");
  const { metadata } = readSafetensors(readFixture("types.safetensors"));
  assert.deepEqual([...metadata], [["made by", "numpy"]]);
});

Deno.test({
  name: "readSafetensors() reads what the safetensors that is here writes",
  ignore: !hasPython("safetensors"),
}, async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await writeWithPython(folder);
    await checkFiles(t, folder, "safetensors");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const DTYPES: Readonly<Record<string, FixedDatatype>> = {
  U8: "UINT8",
  U16: "UINT16",
  U32: "UINT32",
  U64: "UINT64",
  I8: "INT8",
  I16: "INT16",
  I32: "INT32",
  I64: "INT64",
  F16: "FP16",
  BF16: "BF16",
  F32: "FP32",
  F64: "FP64",
};

const tensors = fc.uniqueArray(
  fc.record({
    name: fc.string({ maxLength: 10 }).filter((name) => name !== "__metadata__"),
    dtype: fc.constantFrom(...Object.keys(DTYPES)),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  }),
  { selector: ({ name }) => name, maxLength: 6 },
);

Deno.test("readSafetensors() reads any tensors, at any address", () => {
  fc.assert(
    fc.property(tensors, fc.integer({ min: 0, max: 8 }), (written, offset) => {
      let end = 0;
      const header = Object.fromEntries(written.map(({ name, dtype, shape }) => {
        const begin = end;
        end += elementCount(shape) * elementBytes(DTYPES[dtype]);
        return [name, { dtype, shape, data_offsets: [begin, end] }];
      }));
      const data = Uint8Array.from({ length: end }, (_, i) => i * 7);
      const file = safetensorsFile(header, data);
      const memory = new Uint8Array(offset + file.length);
      memory.set(file, offset);
      const found = readSafetensors(memory.subarray(offset)).tensors;
      assert.equal(found.size, written.length);
      for (const { name, dtype, shape } of written) {
        const tensor = found.get(name);
        assert.ok(tensor !== undefined);
        assert.equal(tensor.datatype, DTYPES[dtype]);
        assert.deepEqual(tensor.shape, shape);
        const { data_offsets: [first, last] } = header[name];
        const { buffer, byteOffset, byteLength } = tensor.data;
        assert.deepEqual(new Uint8Array(buffer, byteOffset, byteLength), data.slice(first, last));
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("readSafetensors() views what is aligned", () => {
  const header = { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } };
  const file = safetensorsFile(header, new Uint8Array(8));
  const { data } = readSafetensors(file).tensors.get("a") ?? {};
  assert.equal(data?.buffer, file.buffer);
});

const F32 = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

/** Headers of files with 8 bytes of data, and what is said of them. */
const REFUSALS: readonly (readonly [string, string | object, RegExp])[] = [
  ["no JSON", "{", /not JSON/],
  ["no object", "[]", /does not begin with {/],
  ["a space in front", ' {"a":1}', /does not begin with {/],
  ["a tensor that is no object", { a: 1 }, /"a" is not an object/],
  [
    "an unknown dtype",
    { a: { ...F32, dtype: "F8_E4M3" } },
    /"a" has dtype "F8_E4M3", needs one of BOOL,/,
  ],
  ["a dtype that objects have", { a: { ...F32, dtype: "toString" } }, /has dtype "toString"/],
  ["no dtype", { a: { shape: [2], data_offsets: [0, 8] } }, /"a" has dtype none/],
  ["no shape", { a: { dtype: "F32", data_offsets: [0, 8] } }, /"a" has no valid shape/],
  ["a negative dimension", { a: { ...F32, shape: [-2] } }, /"a" has no valid shape/],
  ["half a dimension", { a: { ...F32, shape: [0.5] } }, /"a" has no valid shape/],
  ["65 dimensions", { a: { ...F32, shape: Array(65).fill(1) } }, /"a" has no valid shape/],
  ["more elements than numbers count", { a: { ...F32, shape: [2 ** 40, 2 ** 40, 0] } }, /no valid/],
  ["no offsets", { a: { dtype: "F32", shape: [2] } }, /"a" has no data_offsets/],
  ["three offsets", { a: { ...F32, data_offsets: [0, 8, 8] } }, /"a" has no data_offsets/],
  ["offsets that are no integers", { a: { ...F32, data_offsets: [0, "8"] } }, /no data_offsets/],
  ["another key", { a: { ...F32, color: 1 } }, /"a" has the unknown key "color"/],
  [
    "too few bytes",
    { a: { ...F32, data_offsets: [0, 4] } },
    /"a" has 4 bytes, F32 of shape \[2\] needs 8/,
  ],
  ["offsets backwards", { a: { ...F32, data_offsets: [8, 0] } }, /"a" has -8 bytes/],
  ["an offset below 0", { a: { ...F32, data_offsets: [-8, 0] } }, /"a" begins at byte -8.*overlap/],
  [
    "bytes past the file",
    { a: { ...F32, shape: [4], data_offsets: [0, 16] } },
    /has 8 bytes of data, its tensors need 16/,
  ],
  ["bytes of no tensor", { a: { ...F32, shape: [1], data_offsets: [0, 4] } }, /its tensors need 4/],
  ["no tensors for the data", {}, /its tensors need 0/],
  [
    "a hole",
    { a: { ...F32, shape: [1], data_offsets: [4, 8] } },
    /begins at byte 4.*there is a hole/,
  ],
  [
    "tensors that overlap",
    { a: F32, b: { ...F32, shape: [1], data_offsets: [4, 8] } },
    /"b" begins at byte 4.*overlap/,
  ],
  ["two tensors of the same bytes", { a: F32, b: F32 }, /"b" begins at byte 0.*overlap/],
  ["metadata that is no object", { __metadata__: [], a: F32 }, /__metadata__ is not an object/],
  ["metadata of numbers", { __metadata__: { x: 1 }, a: F32 }, /__metadata__'s "x" is not a string/],
  ["BOOL of other values", { a: { ...F32, dtype: "BOOL", shape: [8] } }, /"a" of BOOL holds more/],
  [
    "a name twice",
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}',
    /has "a" twice/,
  ],
  [
    "a name twice, once escaped",
    String.raw`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061" :1}`,
    /has "a" twice/,
  ],
  [
    "a key twice",
    '{"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}',
    /"dtype" twice/,
  ],
  ["the name of a prototype", '{"__proto__":{"dtype":1}}', /"__proto__" has dtype none/],
];

Deno.test("readSafetensors() refuses", async (t) => {
  for (const [name, header, message] of REFUSALS) {
    await t.step(name, () => {
      const data = Uint8Array.of(1, 0, 1, 0, 7, 0, 0, 0);
      assertRefused(() => readSafetensors(safetensorsFile(header, data)), message);
    });
  }
});

Deno.test("readSafetensors() bounds the header", () => {
  const file = safetensorsFile({ a: F32 }, new Uint8Array(8));
  new DataView(file.buffer).setBigUint64(0, (1n << 24n) + 1n, true);
  assertRefused(() => readSafetensors(file), /header has 16777217 bytes, at most 16777216/);
  new DataView(file.buffer).setBigUint64(0, 0xffff_ffff_ffff_ffffn, true);
  assertRefused(() => readSafetensors(file), /at most 16777216/);
  new DataView(file.buffer).setBigUint64(0, 1n << 20n, true);
  assertRefused(() => readSafetensors(file), /header of 1048576 bytes is cut short/);
});

Deno.test("readSafetensors() refuses every part of a file", () => {
  const file = safetensorsFile({ a: F32 }, new Uint8Array(8));
  for (let length = 0; length < file.length; length++) {
    assertRefused(() => readSafetensors(file.subarray(0, length)), /Cannot read the safetensors/);
  }
});

Deno.test("duplicateKey() finds a key that stands twice in one object", () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', undefined],
    ['{"a":"b","b":"a","c":"a\\":"}', undefined],
    ['{"a":1 , "a"\t:2}', "a"],
    ['{"a":{"b":1,"b":2}}', "b"],
    ['{"x":{"a":1},"a":{},"x":1}', "x"],
    ['{"\\"":1,"\\u0022":2}', '"'],
    ['{"":1,"":2}', ""],
    ['"a"', undefined],
  ];
  for (const [json, key] of table) {
    JSON.parse(json);
    assert.equal(duplicateKey(json), key, json);
  }
});

Deno.test("duplicateKey() finds none in what JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4, stringUnit: "binary" }), (json) => {
      assert.equal(duplicateKey(json), undefined);
    }),
    { seed: SEED, numRuns: 1_000 },
  );
});
