import fc from "fast-check";
import type { ParameterValue } from "../../lib/inference/infer.ts";
import { contentField } from "../../lib/services/inference_codec/content_field.ts";
import type { ModelInferRequest } from "../../lib/services/inference_codec/infer_request.ts";
import { type Datatype, DATATYPES } from "../../lib/tensor/datatype.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

/** The datatypes of typed contents. */
export const TYPED: readonly Datatype[] = DATATYPES.filter((datatype) =>
  contentField(datatype) !== undefined
);

const bytes = (...texts: string[]) => texts.map((text) => new TextEncoder().encode(text));

/** A tensor of each datatype, with its edges. */
export const TENSORS: readonly Tensor[] = [
  { name: "bool", datatype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "u8", datatype: "UINT8", shape: [2, 2], data: Uint8Array.of(0, 1, 127, 255) },
  { name: "u16", datatype: "UINT16", shape: [2], data: Uint16Array.of(0, 65_535) },
  { name: "u32", datatype: "UINT32", shape: [2], data: Uint32Array.of(0, 0xffff_ffff) },
  {
    name: "u64",
    datatype: "UINT64",
    shape: [3],
    data: BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  },
  { name: "i8", datatype: "INT8", shape: [3], data: Int8Array.of(-128, 0, 127) },
  { name: "i16", datatype: "INT16", shape: [2], data: Int16Array.of(-32_768, 32_767) },
  { name: "i32", datatype: "INT32", shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  {
    name: "i64",
    datatype: "INT64",
    shape: [2],
    data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
  },
  { name: "f16", datatype: "FP16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
  { name: "bf16", datatype: "BF16", shape: [1, 2], data: Uint16Array.of(0x3f80, 0x7fc0) },
  { name: "f32", datatype: "FP32", shape: [], data: Float32Array.of(-0) },
  { name: "f64", datatype: "FP64", shape: [3], data: Float64Array.of(Math.PI, -Infinity, NaN) },
  { name: "bytes", datatype: "BYTES", shape: [3], data: bytes("", "ä€𝄞", "x".repeat(300)) },
  { name: "none", datatype: "FP32", shape: [0, 4], data: new Float32Array(0) },
];

const FLOATS = fc.array(fc.float(), { maxLength: 40 });
const BITS = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 });

/** Integers of a signed or unsigned datatype of so many bits, as likely at its edges as anywhere. */
function integers(bits: number, signed: boolean): fc.Arbitrary<number[]> {
  const max = 2 ** (signed ? bits - 1 : bits) - 1;
  return fc.array(fc.integer({ min: signed ? -max - 1 : 0, max }), { maxLength: 40 });
}

function bigints(signed: boolean): fc.Arbitrary<bigint[]> {
  const max = 2n ** (signed ? 63n : 64n) - 1n;
  return fc.array(fc.bigInt({ min: signed ? -max - 1n : 0n, max }), { maxLength: 40 });
}

type Data = Tensor["data"];

const DATA: Readonly<Record<Datatype, fc.Arbitrary<Data>>> = {
  BOOL: fc.array(fc.nat(1), { maxLength: 40 }).map((values) => Uint8Array.from(values)),
  UINT8: integers(8, false).map((values) => Uint8Array.from(values)),
  UINT16: integers(16, false).map((values) => Uint16Array.from(values)),
  UINT32: integers(32, false).map((values) => Uint32Array.from(values)),
  UINT64: bigints(false).map((values) => BigUint64Array.from(values)),
  INT8: integers(8, true).map((values) => Int8Array.from(values)),
  INT16: integers(16, true).map((values) => Int16Array.from(values)),
  INT32: integers(32, true).map((values) => Int32Array.from(values)),
  INT64: bigints(true).map((values) => BigInt64Array.from(values)),
  FP16: BITS.map((values) => Uint16Array.from(values)),
  BF16: BITS.map((values) => Uint16Array.from(values)),
  FP32: FLOATS.map((values) => Float32Array.from(values)),
  FP64: fc.array(fc.double(), { maxLength: 40 }).map((values) => Float64Array.from(values)),
  BYTES: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }),
};

/** A shape of so many elements: what they have as their last dimension but one, between ones. */
function shapeOf(count: number): fc.Arbitrary<number[]> {
  const ones = fc.array(fc.constant(1), { maxLength: 3 });
  return fc.tuple(ones, ones).map(([before, after]) => [...before, count, ...after]);
}

const NAMES = fc.oneof(
  fc.constantFrom("x", "y", "input__0"),
  fc.string({ unit: "binary", maxLength: 90 }).filter((text) => text.isWellFormed()),
);

/** Any tensors that one message can have. */
export function tensorsOf(datatypes: readonly Datatype[]): fc.Arbitrary<Tensor[]> {
  const tensor = fc.record({ name: NAMES, datatype: fc.constantFrom(...datatypes) })
    .chain(({ name, datatype }) =>
      DATA[datatype].chain((data) =>
        // What the data are, the datatype says.
        shapeOf(data.length).map((shape) => ({ name, datatype, shape, data }) as Tensor)
      )
    );
  return fc.uniqueArray(tensor, { maxLength: 12, selector: ({ name }) => name });
}

const PARAMETERS: fc.Arbitrary<Record<string, ParameterValue>> = fc.dictionary(
  fc.constantFrom("a", "b", "__proto__", "ä".repeat(50), ""),
  fc.oneof(
    fc.boolean(),
    fc.string(),
    fc.double(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  ),
);

/** Any requests, raw ones of any datatypes, typed ones of those that can be. */
export const REQUESTS: fc.Arbitrary<ModelInferRequest> = fc.boolean().chain((raw) =>
  fc.record({
    id: fc.string({ maxLength: 40 }),
    raw: fc.constant(raw),
    timeoutMs: fc.option(fc.integer({ min: 1, max: 10 ** 9 }).map((us) => us / 1_000), {
      nil: undefined,
    }),
    refused: fc.constant(undefined),
    infer: fc.record({
      model: NAMES,
      version: fc.constantFrom(undefined, "1", "12"),
      inputs: tensorsOf(raw ? DATATYPES : TYPED).map((inputs) => inputs),
      outputs: fc.option(fc.uniqueArray(NAMES, { minLength: 1, maxLength: 4 }), { nil: undefined }),
      priority: fc.constantFrom(undefined, 0, 1, 7),
      parameters: PARAMETERS.map((values) => Object.keys(values).length === 0 ? undefined : values),
    }, { noNullPrototype: true }),
  }, { noNullPrototype: true })
    // Without inputs nothing says how the data would travel.
    .map((request) => request.infer.inputs.length === 0 ? { ...request, raw: true } : request)
);
