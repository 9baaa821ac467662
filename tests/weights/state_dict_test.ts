import assert from "node:assert/strict";
import fc from "fast-check";
import { elementCount } from "../../lib/tensor/tensor.ts";
import { decodeBase64Line } from "../../lib/weights/base64_line.ts";
import { Opcode } from "../../lib/weights/pickle_opcode.ts";
import { readStateDict } from "../../lib/weights/state_dict.ts";
import { checkFiles, checkRefusedFiles } from "./expected_files.ts";
import { mayReadFixtures, pipelineWeights } from "./fixture.ts";
import {
  type BuiltTensor,
  global,
  integer,
  orderedDict,
  pickle,
  type PicklePart,
  stateDictPickle,
  tensor,
  text,
  tuple,
} from "./pickle_builder.ts";
import { hasPython, writeWithPython } from "./python_writer.ts";
import { assertRefused, SEED } from "./refusal.ts";
import { writeStoredZip, type WrittenFile } from "./stored_zip_writer.ts";

const fixtures = new URL("./fixtures", import.meta.url).pathname;

Deno.test({
  name: "readStateDict() reads what PyTorch wrote, byte for byte",
  ignore: !mayReadFixtures,
}, (t) => checkFiles(t, fixtures, "pt"));

Deno.test({
  name: "readStateDict() refuses what PyTorch wrote and is no state_dict",
  ignore: !mayReadFixtures,
}, (t) => checkRefusedFiles(t, fixtures));

Deno.test({
  name: "readStateDict() reads what the PyTorch that is here writes",
  ignore: !hasPython("torch"),
}, async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await writeWithPython(folder);
    await checkFiles(t, folder, "pt");
    await checkRefusedFiles(t, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "readStateDict() reads the three files of another program",
  ignore: pipelineWeights === undefined,
}, () => {
  const files = [...Deno.readDirSync(pipelineWeights ?? "")].filter(({ name }) =>
    name.endsWith(".b64")
  );
  assert.equal(files.length, 3);
  for (const { name } of files) {
    const line = Deno.readTextFileSync(`${pipelineWeights}/${name}`);
    const tensors = readStateDict(decodeBase64Line(line));
    assert.deepEqual(
      [...tensors].map(([name, { datatype, shape }]) => [name, datatype, ...shape]),
      [
        ["fc1.weight", "FP32", 20, 2],
        ["fc1.bias", "FP32", 20],
        ["fc2.weight", "FP32", 20, 20],
        ["fc2.bias", "FP32", 20],
        ["output_layer.weight", "FP32", 1, 20],
        ["output_layer.bias", "FP32", 1],
      ],
    );
  }
});

const FLOATS = Float32Array.from({ length: 24 }, (_, i) => i);
const BYTES = new Uint8Array(FLOATS.buffer);

/** A file with the pickle, and storage "0". */
function file(
  data: Uint8Array,
  storage: Uint8Array = BYTES,
  ...more: readonly WrittenFile[]
): Uint8Array {
  return writeStoredZip([
    { name: "archive/data.pkl", data },
    { name: "archive/data/0", data: storage },
    ...more,
  ], { align: 64 });
}

function readOne(built: BuiltTensor): number[] {
  const found = readStateDict(file(stateDictPickle({ t: built }))).get("t");
  assert.deepEqual(found?.shape, built.shape);
  return Array.from(found?.data as Float32Array);
}

Deno.test("readStateDict() reads any view of a storage as NumPy does", () => {
  const views = fc.array(
    fc.record({
      dimension: fc.integer({ min: 0, max: 4 }),
      stride: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(views, fc.integer({ min: 0, max: 4 }), (axes, offset) => {
      const shape = axes.map(({ dimension }) => dimension);
      const strides = axes.map(({ stride }) => stride);
      const built = { elements: 24, offset, shape, strides };
      const count = elementCount(shape);
      const last = axes.reduce(
        (sum, { dimension, stride }) => sum + (dimension - 1) * stride,
        offset,
      );
      if (count > 0 && (last >= 24 || count > 24)) {
        return assertRefused(() => readOne(built), /it (reaches element|has) \d+/);
      }
      assert.deepEqual(readOne(built), indexesOf(shape, strides, offset));
    }),
    { seed: SEED, numRuns: 1_000 },
  );
});

function indexesOf(shape: readonly number[], strides: readonly number[], offset: number): number[] {
  if (shape.length === 0) return [offset];
  const [dimension, ...shapes] = shape;
  const [stride, ...more] = strides;
  return Array.from({ length: dimension }, (_, i) => indexesOf(shapes, more, offset + i * stride))
    .flat();
}

Deno.test("readStateDict() views what stands in order, and tied weights once", () => {
  const built = { elements: 24, shape: [4, 6], strides: [6, 1] };
  const bytes = file(stateDictPickle({ a: built, b: { ...built, shape: [2, 6], offset: 6 } }));
  const [a, b] = [...readStateDict(bytes).values()];
  assert.equal(a.data.buffer, bytes.buffer);
  assert.equal(b.data.byteOffset, a.data.byteOffset + 24);
  const moved = new Uint8Array(bytes.length + 1);
  moved.set(bytes, 1);
  const [c, d] = [...readStateDict(moved.subarray(1)).values()];
  assert.deepEqual([...c.data], [...a.data]);
  assert.notEqual(c.data.buffer, moved.buffer);
  assert.equal(c.data.buffer, d.data.buffer);
});

Deno.test("readStateDict() refuses more tensors than a file's size warrants", async (t) => {
  for (const strides of [[1, 6], [4, 1]]) {
    await t.step(`of strides [${strides}]`, () => {
      const parts = [
        orderedDict(),
        text("first"),
        tensor({ elements: 24, shape: [6, 4], strides }),
      ];
      const items = (count: number) =>
        Array.from({ length: count }, (_, i) => [text(`${i}`), Opcode.BINGET, 0]).flat();
      const read = (count: number) =>
        readStateDict(file(pickle(
          ...parts,
          ...[Opcode.BINPUT, 0, Opcode.SETITEM, Opcode.MARK, ...items(count), Opcode.SETITEMS],
          Opcode.STOP,
        )));
      assert.equal(read(3).size, 4);
      // A tensor takes nine bytes of the pickle, and 96 once it is read.
      assertRefused(
        () => read(1_000),
        /"\d+": too many tensors of the file have the same elements/,
      );
    });
  }
});

const SHAPE_2 = { elements: 24, shape: [2], strides: [1] };
const { STOP, MARK, SETITEM, BUILD, EMPTY_DICT, NONE, BINPERSID, REDUCE } = Opcode;

/** Pushes a tensor of arguments of one's own. */
function rebuilt(...args: readonly Uint8Array[]): PicklePart[] {
  const call = global("torch._utils", "_rebuild_tensor_v2");
  return [orderedDict(), text("t"), call, tuple(...args), REDUCE, SETITEM, STOP];
}

const storage = Uint8Array.from([
  ...tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(24)),
  BINPERSID,
]);
const no = Uint8Array.of(Opcode.NEWFALSE);

const REFUSALS: readonly (readonly [string, readonly PicklePart[], RegExp])[] = [
  ["a tensor alone", [tensor(SHAPE_2), STOP], /it is an object, needs to be a dict/],
  [
    "a value that is no tensor",
    [EMPTY_DICT, text("t"), integer(1), SETITEM, STOP],
    /"t" is 1, needs/,
  ],
  [
    "a storage that is no tensor",
    [EMPTY_DICT, text("t"), storage, SETITEM, STOP],
    /"t" is an object/,
  ],
  ["a key that is no name", [EMPTY_DICT, integer(1), tensor(SHAPE_2), SETITEM, STOP], /1 is a key/],
  ["attributes of a tensor", [tensor(SHAPE_2), EMPTY_DICT, BUILD, STOP], /set on an object/],
  [
    "attributes of a class",
    [global("torch", "FloatStorage"), EMPTY_DICT, BUILD, STOP],
    /set on the/,
  ],
  ["other attributes of a dict", [
    orderedDict(),
    EMPTY_DICT,
    text("__class__"),
    NONE,
    SETITEM,
    BUILD,
    STOP,
  ], /attributes are set on a dict/],
  ["attributes that are no dict", [orderedDict(), integer(1), BUILD, STOP], /attributes are set/],
  ["an OrderedDict of arguments", [
    global("collections", "OrderedDict"),
    tuple(integer(1)),
    REDUCE,
    STOP,
  ], /OrderedDict is called with 1 arguments/],
  ["a storage that is called", [
    global("torch", "FloatStorage"),
    tuple(),
    REDUCE,
    STOP,
  ], /torch FloatStorage is called with 0 arguments/],
  ["a persistent id of a text", [text("0"), BINPERSID, STOP], /a persistent id is not that/],
  ["a persistent id of a module", [
    tuple(text("module"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(24)),
    BINPERSID,
    STOP,
  ], /a persistent id is not that/],
  ["a negative length", [
    tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(-1)),
    BINPERSID,
    STOP,
  ], /a persistent id is not that/],
  [
    "a storage that is not there",
    [tensor({ ...SHAPE_2, key: "7" }), STOP],
    /"7" is not in the file/,
  ],
  [
    "a path for a storage",
    [tensor({ ...SHAPE_2, key: "../data.pkl" }), STOP],
    /is not in the file/,
  ],
  ["a storage of another length", [
    tensor({ ...SHAPE_2, elements: 23 }),
    STOP,
  ], /"0" has 96 bytes, 23 elements of FP32 need 92/],
  ["a storage of two classes", [
    EMPTY_DICT,
    text("a"),
    tensor(SHAPE_2),
    SETITEM,
    text("b"),
    tensor({ ...SHAPE_2, storageClass: "IntStorage" }),
    SETITEM,
    STOP,
  ], /"0" is named as two different ones/],
  ["BOOL of other values", [
    tensor({ ...SHAPE_2, elements: 96, storageClass: "BoolStorage" }),
    STOP,
  ], /more than 0 and 1/],
  ["fewer strides than dimensions", [
    tensor({ ...SHAPE_2, strides: [] }),
    STOP,
  ], /shape \[2\] has strides \[\]/],
  [
    "a negative stride",
    rebuilt(
      storage,
      integer(2),
      tuple(integer(2)),
      tuple(integer(-1)),
      no,
      orderedDict(),
    ),
    /negative strides are not read/,
  ],
  [
    "a negative dimension",
    rebuilt(
      storage,
      integer(0),
      tuple(integer(-2)),
      tuple(integer(1)),
      no,
      orderedDict(),
    ),
    /not built of a storage/,
  ],
  [
    "a negative offset",
    rebuilt(
      storage,
      integer(-1),
      tuple(integer(2)),
      tuple(integer(1)),
      no,
      orderedDict(),
    ),
    /not built of a storage/,
  ],
  [
    "hooks",
    rebuilt(
      storage,
      integer(0),
      tuple(integer(2)),
      tuple(integer(1)),
      no,
      text("hook"),
    ),
    /not built of a storage/,
  ],
  [
    "a tensor of a text",
    rebuilt(
      text("0"),
      integer(0),
      tuple(integer(2)),
      tuple(integer(1)),
      no,
      orderedDict(),
    ),
    /not built of a storage/,
  ],
  ["a tensor of few arguments", rebuilt(storage, integer(0)), /not built of a storage/],
  [
    "65 dimensions",
    rebuilt(
      storage,
      integer(0),
      tuple(...Array.from({ length: 65 }, () => integer(1))),
      tuple(...Array.from({ length: 65 }, () => integer(1))),
      no,
      orderedDict(),
    ),
    /not built of a storage/,
  ],
  [
    "more elements than numbers count",
    rebuilt(
      storage,
      integer(0),
      tuple(...Array.from({ length: 4 }, () => integer(0x7fff_ffff))),
      tuple(...Array.from({ length: 4 }, () => integer(0))),
      no,
      orderedDict(),
    ),
    /not built of a storage/,
  ],
];

Deno.test("readStateDict() refuses", async (t) => {
  for (const [name, parts, message] of REFUSALS) {
    await t.step(name, () => assertRefused(() => readStateDict(file(pickle(...parts))), message));
  }
});

Deno.test("readStateDict() looks at the records of the archive", async (t) => {
  const data = stateDictPickle({ t: SHAPE_2 });
  const order = (text: string) => ({
    name: "archive/byteorder",
    data: new TextEncoder().encode(text),
  });
  await t.step("a little-endian one", () => {
    assert.equal(readStateDict(file(data, BYTES, order("little"))).size, 1);
  });
  await t.step("a big-endian one", () => {
    assertRefused(() => readStateDict(file(data, BYTES, order("big"))), /byte order is "big"/);
  });
  await t.step("no pickle", () => {
    const bytes = writeStoredZip([{ name: "data.pkl", data }]);
    assertRefused(() => readStateDict(bytes), /it has 0 files NAME\/data.pkl/);
  });
  await t.step("two pickles", () => {
    const bytes = file(data, BYTES, { name: "other/data.pkl", data });
    assertRefused(() => readStateDict(bytes), /it has 2 files NAME\/data.pkl/);
  });
  await t.step("a storage of another archive", () => {
    const bytes = writeStoredZip([
      { name: "a/data.pkl", data },
      { name: "b/data/0", data: BYTES },
    ]);
    assertRefused(() => readStateDict(bytes), /storage "0" is not in the file/);
  });
  await t.step("a pickle that is too long", () => {
    const long = file(new Uint8Array((1 << 24) + 1));
    assertRefused(() => readStateDict(long), /its pickle has \d+ bytes, at most 16777216/);
  });
  await t.step("an empty state_dict", () => {
    assert.equal(readStateDict(file(pickle(orderedDict(), STOP))).size, 0);
    assert.equal(readStateDict(file(pickle(EMPTY_DICT, MARK, Opcode.SETITEMS, STOP))).size, 0);
  });
});

Deno.test("decodeBase64Line() takes one line of standard base64", () => {
  for (const text of ["AAEC/w==", "AAEC/w==\n", "AAEC/w==\r\n"]) {
    assert.deepEqual([...decodeBase64Line(text)], [0, 1, 2, 255]);
  }
  const refused = [
    "",
    "\n",
    "AAEC\n/w==",
    "AAEC/w",
    "AAEC_w==",
    "AAEC/x==",
    " AAEC",
    "AAEC\n\n",
    "=",
    "A",
  ];
  for (const text of refused) {
    assertRefused(() => decodeBase64Line(text), /Cannot decode the base64: it/);
  }
});
