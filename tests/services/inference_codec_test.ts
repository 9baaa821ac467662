import assert from "node:assert/strict";
import fc from "fast-check";
import type { Codec } from "../../lib/grpc/codec.ts";
import { BYTES_ELEMENTS_MAX, INFER_SCRATCH_BYTES_MAX } from "../../lib/limits.ts";
import { WireReader } from "../../lib/protobuf/wire.ts";
import { OwnMemory, ScratchMemory } from "../../lib/services/inference_codec/element_memory.ts";
import type { ModelInferRequest } from "../../lib/services/inference_codec/infer_request.ts";
import { InferRequestCodec } from "../../lib/services/inference_codec/request_codec.ts";
import {
  InferResponseCodec,
  type ModelInferResponse,
} from "../../lib/services/inference_codec/response_codec.ts";
import { StreamResponseCodec } from "../../lib/services/inference_codec/stream_response_codec.ts";
import { DATATYPES } from "../../lib/tensor/datatype.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { join } from "../http2/wire.ts";
import { copyOf } from "./fake_backend.ts";
import { REQUESTS, TENSORS, tensorsOf } from "./inference_messages.ts";
import {
  comparable,
  loadedRequest,
  loadedResponse,
  plainRequest,
  plainResponse,
} from "./loaded_inference.ts";

/** As a server has them; the memory that is used again must make no difference. */
const codec = new InferRequestCodec(new ScratchMemory());
const ownCodec = new InferRequestCodec(new OwnMemory());
const responseCodec = new InferResponseCodec();

function encode<Message>(codec: Codec<Message>, message: Message): Uint8Array {
  const bytes = new Uint8Array(codec.encodedBytesMax(message) + 3);
  const end = codec.encode(message, bytes, 3);
  assert.equal(end, bytes.length, "encodedBytesMax() is not what encode() wrote");
  return bytes.slice(3, end);
}

/** Decodes the bytes at `offset` of others; the result is the caller's. */
function decode(bytes: Uint8Array, offset = 0, by = codec): ModelInferRequest {
  const moved = new Uint8Array(offset + bytes.length + 2).fill(0xff);
  moved.set(bytes, offset);
  const request = by.decode(moved, offset, offset + bytes.length);
  const { parameters, inputs } = request.infer;
  const infer = {
    ...request.infer,
    inputs: inputs.map(copyOf),
    parameters: parameters && Object.fromEntries(Object.entries(parameters)),
  };
  return { ...request, infer };
}

/** A parameter that is an object's own whatever its name. */
function whole(bytes: Uint8Array): [Uint8Array, number, number] {
  return [bytes, 0, bytes.length];
}

function normal(request: ModelInferRequest): ModelInferRequest {
  const { parameters } = request.infer;
  return {
    ...request,
    infer: {
      ...request.infer,
      parameters: parameters && Object.fromEntries(Object.entries(parameters)),
    },
  };
}

/** As long as a message may be, and what is told of it. */
const LONG = "l".repeat(2 ** 20);
const CUT = `"${"l".repeat(256)}…"`;

Deno.test("InferRequestCodec reads what it writes, at any place, into either memory", () => {
  fc.assert(fc.property(REQUESTS, fc.nat(9), (request, offset) => {
    const bytes = encode(codec, request);
    assert.deepEqual(decode(bytes, offset), normal(request));
    assert.deepEqual(decode(bytes, offset, ownCodec), normal(request));
  }));
});

Deno.test("InferResponseCodec reads what it writes", () => {
  fc.assert(fc.property(tensorsOf(DATATYPES), fc.boolean(), fc.string(), (outputs, asked, id) => {
    const message: ModelInferResponse = {
      id,
      raw: asked,
      answer: { model: "m", version: "2", outputs },
    };
    const bytes = encode(responseCodec, message);
    const typed = !asked && outputs.length > 0 &&
      outputs.every(({ datatype }) => !/^B?FP?16$/.test(datatype));
    assert.deepEqual(responseCodec.decode(bytes, 0, bytes.length), { ...message, raw: !typed });
    const stream = new StreamResponseCodec();
    const wrapped = encode(stream, { error: id, response: message });
    assert.deepEqual(
      stream.decode(wrapped, 0, wrapped.length),
      { error: id, response: { ...message, raw: !typed } },
    );
  }));
});

Deno.test("InferResponseCodec gives an answer's memory back once it has read it", () => {
  const data = Float32Array.of(1, 2);
  const recycle = () => void data.fill(0);
  const outputs = [{ name: "y", datatype: "FP32", shape: [2], data }] as const;
  const message = { id: "", raw: true, answer: { model: "m", version: "1", outputs, recycle } };
  const { answer } = responseCodec.decode(...whole(encode(responseCodec, message)));
  assert.deepEqual(answer.outputs[0].data, Float32Array.of(1, 2));
  assert.deepEqual(data, Float32Array.of(0, 0));
});

Deno.test("InferRequestCodec and proto-loader read what either has written", () => {
  fc.assert(fc.property(REQUESTS, (request) => {
    const bytes = encode(codec, request);
    const plain = plainRequest(request);
    assert.deepEqual(comparable(loadedRequest.decode(bytes, 0, bytes.length)), comparable(plain));
    assert.deepEqual(decode(encode(loadedRequest, plain)), normal(request));
  }));
});

Deno.test("InferResponseCodec and proto-loader read what either has written", () => {
  for (const raw of [true, false]) {
    const outputs = raw ? TENSORS : TENSORS.filter(({ datatype }) => !/^B?FP?16$/.test(datatype));
    const message = { id: "ä", raw, answer: { model: "m", version: "1", outputs } };
    const bytes = encode(responseCodec, message);
    const plain = plainResponse(message);
    assert.deepEqual(comparable(loadedResponse.decode(bytes, 0, bytes.length)), comparable(plain));
    const written = encode(loadedResponse, plain);
    assert.deepEqual(responseCodec.decode(written, 0, written.length), message);
  }
});

/** The fields of a message, each with its tag. */
function fieldsOf(bytes: Uint8Array): { readonly number: number; readonly bytes: Uint8Array }[] {
  const reader = new WireReader();
  reader.reset(bytes, 0, bytes.length);
  const fields = [];
  while (reader.more) {
    const from = reader.at;
    const tag = reader.readTag();
    reader.skipField(tag);
    fields.push({ number: tag >>> 3, bytes: bytes.slice(from, reader.at) });
  }
  return fields;
}

/** Fields that nobody knows, of each wire type. */
const UNKNOWN = [
  Uint8Array.of(0xf8, 0x7f, 0xff, 1),
  Uint8Array.of(0xf9, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8),
  Uint8Array.of(0xfa, 0x7f, 2, 1, 2),
  Uint8Array.of(0xfd, 0x7f, 1, 2, 3, 4),
  // Known numbers of another type.
  Uint8Array.of(0x08, 5),
  Uint8Array.of(0x2d, 1, 2, 3, 4),
];

/** The same message with its fields in another order, in which those of one number keep theirs. */
function reordered(bytes: Uint8Array, seed: number, nested: readonly number[] = []): Uint8Array {
  let state = seed;
  const next = () => (state = Math.imul(state, 1_103_515_245) + 12_345 | 0) >>> 8;
  const ranks = new Map<number, number>();
  const fields = fieldsOf(bytes).map(({ number, bytes }) => {
    if (!ranks.has(number)) ranks.set(number, next());
    return {
      rank: ranks.get(number) ?? 0,
      bytes: nested.includes(number) ? inner(bytes, seed) : bytes,
    };
  });
  fields.sort((a, b) => a.rank - b.rank);
  const parts = fields.flatMap(({ bytes }) =>
    next() % 3 === 0 ? [bytes, UNKNOWN[next() % UNKNOWN.length]] : [bytes]
  );
  return join(...parts);
}

/** A nested message with its fields in another order. */
function inner(field: Uint8Array, seed: number): Uint8Array {
  const reader = new WireReader();
  reader.reset(field, 0, field.length);
  reader.readTag();
  const length = reader.readLength();
  const message = reordered(field.slice(reader.at, reader.at + length), seed);
  const lengthBytes = [];
  let rest = message.length;
  for (; rest > 0x7f; rest >>>= 7) lengthBytes.push(rest & 0x7f | 0x80);
  return join([field[0]], [...lengthBytes, rest], message);
}

Deno.test("InferRequestCodec reads fields in any order, and skips those that it does not know", () => {
  fc.assert(fc.property(REQUESTS, fc.integer(), (request, seed) => {
    const bytes = reordered(encode(codec, request), seed, [5, 6]);
    assert.deepEqual(decode(bytes), normal(request));
  }));
});

Deno.test("InferRequestCodec makes a request or a documented error of any bytes", () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.tuple(REQUESTS, fc.nat(), fc.nat(255)).map(([request, at, value]) => {
      const bytes = encode(codec, request);
      if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    }),
    fc.tuple(REQUESTS, fc.nat()).map(([request, cut]) => {
      const bytes = encode(codec, request);
      return bytes.slice(0, cut % (bytes.length + 1));
    }),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      try {
        const { infer, refused } = decode(bytes);
        if (refused !== undefined) assert.equal(infer.inputs.length, 0);
      } catch (error) {
        assert.ok(error instanceof RangeError || error instanceof TypeError, `${error}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

/** A request by proto-loader, which writes what stands there. */
function refusalOf(message: object): string | undefined {
  return decode(encode(loadedRequest, message)).refused?.message;
}

const X = { name: "x", datatype: "FP32", shape: [1, 4] };
const raw4 = new Uint8Array(16);
const contents = (elements: object) => ({ inputs: [{ ...X, contents: elements }] });

Deno.test("InferRequestCodec refuses what cannot be, and says what is wrong with which tensor", async (t) => {
  const cases: [name: string, message: object, refusal: string][] = [
    [
      "too few elements",
      contents({ fp32_contents: [1, 2, 3] }),
      'Cannot read tensor "x": 3 elements, shape [1,4] needs 4',
    ],
    ["no data", { inputs: [X] }, 'Cannot read tensor "x": 0 elements, shape [1,4] needs 4'],
    [
      "another field's data",
      contents({ fp64_contents: [1, 2, 3, 4] }),
      'Cannot read tensor "x": its data are fp64_contents, FP32 needs fp32_contents',
    ],
    [
      "data of two fields",
      contents({ fp32_contents: [1, 2, 3, 4], int_contents: [1] }),
      'Cannot read tensor "x": its data are int_contents, FP32 needs fp32_contents',
    ],
    [
      "typed contents of FP16",
      { inputs: [{ ...X, datatype: "FP16", contents: { fp32_contents: [1, 2, 3, 4] } }] },
      'Cannot read tensor "x": its data are fp32_contents, FP16 needs raw contents',
    ],
    [
      "raw and typed contents",
      { ...contents({ fp32_contents: [1, 2, 3, 4] }), raw_input_contents: [raw4] },
      'Cannot read tensor "x": both contents and raw_input_contents, need one of them',
    ],
    [
      "less raw data than inputs",
      { inputs: [X, { ...X, name: "y" }], raw_input_contents: [raw4] },
      "Cannot read inputs: 2 with 1 raw_input_contents, need one for each",
    ],
    [
      "more raw data than inputs",
      { raw_input_contents: [raw4] },
      "Cannot read inputs: 0 with 1 raw_input_contents, need one for each",
    ],
    [
      "raw data of another length",
      { inputs: [X], raw_input_contents: [raw4.subarray(1)] },
      'Cannot read tensor "x": 15 bytes of raw data, FP32 of shape [1,4] needs 16',
    ],
    [
      "a datatype that is none",
      { inputs: [{ ...X, datatype: "FP31" }], raw_input_contents: [raw4] },
      `Cannot read tensor "x": its datatype is "FP31", need one of ${DATATYPES.join(", ")}`,
    ],
    [
      "a negative dimension",
      { inputs: [{ ...X, shape: [-1, 4] }], raw_input_contents: [raw4] },
      'Cannot read tensor "x": its shape is [-1,4], each dimension needs to be 0 to 9007199254740991',
    ],
    [
      "dimensions whose product is beyond all numbers that are exact",
      { inputs: [{ ...X, shape: Array(32).fill(2 ** 40) }], raw_input_contents: [raw4] },
      `Cannot read tensor "x": 16 bytes of raw data, FP32 of shape [${
        Array(32).fill(2 ** 40)
      }] needs Infinity`,
    ],
    [
      "a product that is 2^64, which would be 0 in 64 bits",
      { inputs: [{ ...X, shape: [2 ** 32, 2 ** 32] }], raw_input_contents: [new Uint8Array(0)] },
      'Cannot read tensor "x": 0 bytes of raw data, FP32 of shape [4294967296,4294967296] needs ' +
      `${2 ** 66}`,
    ],
    [
      "a dimension beyond numbers that are exact",
      { inputs: [{ ...X, shape: ["9007199254740993", 0] }], raw_input_contents: [raw4] },
      'Cannot read tensor "x": its shape is [9007199254740992,0], each dimension needs to be 0 to ' +
      "9007199254740991",
    ],
    [
      "65 dimensions",
      { inputs: [{ ...X, shape: Array(65).fill(1) }], raw_input_contents: [raw4] },
      'Cannot read tensor "x": 65 dimensions, at most 64',
    ],
    [
      "a name twice among few",
      { inputs: [X, X], raw_input_contents: [raw4, raw4] },
      'Cannot read tensor "x": it is there twice',
    ],
    [
      "a name twice among many",
      {
        inputs: [...Array.from({ length: 10 }, (_, i) => ({ ...X, name: `${i}` })), X, X],
        raw_input_contents: Array(12).fill(raw4),
      },
      'Cannot read tensor "x": it is there twice',
    ],
    [
      "an element that its datatype cannot hold",
      {
        inputs: [{
          ...X,
          datatype: "INT8",
          shape: [3],
          contents: { int_contents: [1, -128, 128] },
        }],
      },
      'Cannot read tensor "x": element 2 is 128, which INT8 cannot hold',
    ],
    [
      "an unsigned element that its datatype cannot hold",
      { inputs: [{ ...X, datatype: "UINT16", shape: [1], contents: { uint_contents: [65_536] } }] },
      'Cannot read tensor "x": element 0 is 65536, which UINT16 cannot hold',
    ],
    [
      "a raw BOOL of 2",
      { inputs: [{ ...X, datatype: "BOOL" }], raw_input_contents: [Uint8Array.of(1, 0, 2, 1)] },
      'Cannot read tensor "x": element 2 of BOOL is 2, need 0 or 1',
    ],
    [
      "BYTES that end early",
      {
        inputs: [{ ...X, datatype: "BYTES", shape: [1] }],
        raw_input_contents: [Uint8Array.of(2, 0, 0, 0, 1)],
      },
      'Cannot read tensor "x": its raw data are not the 1 length-prefixed elements that BYTES of ' +
      "shape [1] needs",
    ],
    [
      "more BYTES than are held",
      {
        inputs: [{ ...X, datatype: "BYTES", shape: [BYTES_ELEMENTS_MAX + 1] }],
        raw_input_contents: [new Uint8Array(4 * BYTES_ELEMENTS_MAX + 4)],
      },
      'Cannot read tensor "x": 262145 elements of BYTES up to it, at most 262144',
    ],
    [
      "shared memory",
      { inputs: [{ ...X, parameters: { shared_memory_region: { string_param: "r" } } }] },
      'Cannot read tensor "x": it is in shared memory, need data',
    ],
    [
      "an output in shared memory",
      { outputs: [{ name: "y", parameters: { shared_memory_region: { string_param: "r" } } }] },
      'Cannot give output "y": shared_memory_region is not supported',
    ],
    [
      "classes of an output",
      { outputs: [{ name: "y", parameters: { classification: { int64_param: 3 } } }] },
      'Cannot give output "y": classification is not supported',
    ],
    [
      "a negative timeout",
      { parameters: { timeout: { int64_param: -1 } } },
      'Cannot read parameter "timeout": found -1, need an integer from 0',
    ],
    [
      "a name that is long",
      { inputs: [{ ...X, name: LONG, datatype: "FP31" }], raw_input_contents: [raw4] },
      `Cannot read tensor ${CUT}: its datatype is "FP31", need one of ${DATATYPES.join(", ")}`,
    ],
    [
      "a parameter that is long",
      { parameters: { priority: { string_param: LONG } } },
      `Cannot read parameter "priority": found ${CUT}, need an integer from 0`,
    ],
    [
      "an output that is long",
      { outputs: [{ name: LONG }, { name: LONG }] },
      `Cannot give output ${CUT}: it is asked for twice`,
    ],
    [
      "an id that is long",
      { id: LONG },
      "Cannot read request: its id has 1048576 characters, at most 1024",
    ],
    [
      "more parameters than are held",
      {
        parameters: Object.fromEntries(
          Array.from({ length: 65 }, (_, i) => [`p${i}`, { bool_param: true }]),
        ),
      },
      "Cannot read parameters: 65, at most 64",
    ],
  ];
  for (const [name, message, refusal] of cases) {
    await t.step(name, () => assert.equal(refusalOf(message), refusal));
  }
});

Deno.test("InferRequestCodec gives back no id that is too long", () => {
  const idOf = (length: number) => decode(encode(loadedRequest, { id: "i".repeat(length) })).id;
  assert.equal(idOf(1_024).length, 1_024);
  assert.equal(idOf(1_025), "");
});

Deno.test("InferRequestCodec reads raw data beside contents without elements", () => {
  const message = { inputs: [{ ...X, contents: {} }], raw_input_contents: [raw4] };
  const { raw, infer, refused } = decode(encode(loadedRequest, message));
  assert.equal(refused, undefined);
  assert.equal(raw, true);
  assert.deepEqual(infer.inputs, [{
    name: "x",
    datatype: "FP32",
    shape: [1, 4],
    data: new Float32Array(4),
  }]);
});

Deno.test("InferRequestCodec reads contents that come in parts and one by one", () => {
  const head = [0x0a, 1, 0x78, 0x12, 5, ...new TextEncoder().encode("INT32"), 0x18, 5];
  const tensor = [
    // int_contents: 1; an empty uint_contents; then the shape, 2 and -3 packed; 4, 5 one by one.
    ...[0x2a, 4, 0x10, 1, 0x22, 0],
    ...head,
    ...[0x2a, 13, 0x12, 11, 2, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    ...[0x2a, 4, 0x10, 4, 0x10, 5],
  ];
  const { infer, refused, raw } = decode(Uint8Array.from([0x2a, tensor.length, ...tensor]));
  assert.equal(refused, undefined);
  assert.equal(raw, false);
  const data = Int32Array.of(1, 2, -3, 4, 5);
  assert.deepEqual(infer.inputs, [{ name: "x", datatype: "INT32", shape: [5], data }]);
});

function rawRequest(inputs: readonly Tensor[]): Uint8Array {
  const given = { version: undefined, outputs: undefined, priority: undefined };
  const infer = { model: "m", inputs, parameters: undefined, ...given };
  return encode(codec, { id: "", raw: true, timeoutMs: undefined, infer, refused: undefined });
}

const floats = (name: string, count: number, from: number): Tensor => ({
  name,
  datatype: "FP32",
  shape: [count],
  data: Float32Array.from({ length: count }, (_, i) => from + i),
});

Deno.test("ScratchMemory holds messages of any length, one behind the other", () => {
  const codec = new InferRequestCodec(new ScratchMemory());
  const past = INFER_SCRATCH_BYTES_MAX / 4 + 1;
  for (const count of [3, 5_000, 3, 5_001, past, past, 0, 7]) {
    const inputs = [floats("a", count, 0), floats("b", 3, count), floats("c", count, 7)];
    const bytes = rawRequest(inputs);
    assert.deepEqual(decode(bytes, 1, codec).infer.inputs, inputs);
  }
});

Deno.test("OwnMemory's tensors stay when their bytes and the next message go", () => {
  const inputs = TENSORS;
  const bytes = rawRequest(inputs);
  const request = ownCodec.decode(bytes, 0, bytes.length);
  const others = rawRequest([floats("z", 100, 5)]);
  ownCodec.decode(others, 0, others.length);
  bytes.fill(0);
  assert.deepEqual(request.infer.inputs, inputs);
});

Deno.test("long aligned data are read where they stand", () => {
  const bytes = rawRequest([floats("a", 1_000, 0)]);
  const moved = new Uint8Array(bytes.length + 8);
  const start = 8 - bytes.length % 4;
  moved.set(bytes, start);
  const [input] = codec.decode(moved, start, start + bytes.length).infer.inputs;
  assert.equal((input.data as Float32Array).buffer, moved.buffer);
});
