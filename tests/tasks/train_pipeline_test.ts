import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { buildMlp } from "../../lib/platforms/mlp_layers.ts";
import { MlpModel } from "../../lib/platforms/mlp_model.ts";
import { decodeBase64Line } from "../../lib/weights/base64_line.ts";
import { readStateDict } from "../../lib/weights/state_dict.ts";
import { weightFiles } from "../../tasks/pipeline/weight_files.ts";
import { mayReadFixtures } from "../weights/fixture.ts";
import { hasPythonModule } from "../support/python.ts";

const FOLDER = new URL("../../examples/pipeline/", import.meta.url);

/** Where PyTorch lets a file that is mapped into memory be used as it is. */
const ALIGNMENT = 64;

const TENSORS = [
  ["fc1.weight", "FP32", 20, 2],
  ["fc1.bias", "FP32", 20],
  ["fc2.weight", "FP32", 20, 20],
  ["fc2.bias", "FP32", 20],
  ["output_layer.weight", "FP32", 1, 20],
  ["output_layer.bias", "FP32", 1],
];

/** The networks' files by name, decoded. */
function networks(): readonly (readonly [string, Uint8Array<ArrayBuffer>])[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => /^[0-9a-f]{32}_[0-9a-f]{8}\.b64$/.test(name))
    .map((name) => [name, decodeBase64Line(Deno.readTextFileSync(new URL(name, FOLDER)))]);
}

Deno.test({
  name:
    "examples/pipeline has what `deno task train:pipeline` makes, and no other files of weights",
  ignore: !mayReadFixtures,
}, () => {
  const made = weightFiles();
  const found = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".b64"));
  assert.deepEqual(found.sort(), [...made.keys()].sort());
  for (const [name, text] of made) {
    assert.equal(Deno.readTextFileSync(new URL(name, FOLDER)), text, name);
  }
});

Deno.test({
  name: "examples/pipeline: networks are named by their checksums, and their tensors are aligned",
  ignore: !mayReadFixtures,
}, () => {
  assert.equal(networks().length, 3);
  for (const [name, bytes] of networks()) {
    assert.equal(name.slice(33, 41), crc32(bytes).toString(16).padStart(8, "0"));
    const tensors = [...readStateDict(bytes).values()];
    const found = tensors.map(({ name, datatype, shape }) => [name, datatype, ...shape]);
    assert.deepEqual(found, TENSORS);
    for (const { data } of tensors) {
      assert.equal(data.buffer, bytes.buffer);
      assert.equal(data.byteOffset % ALIGNMENT, 0);
    }
  }
});

Deno.test({
  name: "examples/pipeline: networks add as well as the README says",
  ignore: !mayReadFixtures,
}, () => {
  const readme = Deno.readTextFileSync(new URL("README.md", FOLDER));
  for (const [name, bytes] of networks()) {
    const said = readme.split("\n").find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(said !== undefined, `${name} is not in the README`);
    const error = said.split("|").at(-2)?.trim();
    assert.equal(largestError(bytes).toFixed(4), error, name);
  }
});

/** Over the sums of 0, 0.01, … 1. */
function largestError(bytes: Uint8Array): number {
  const weights = { tensors: readStateDict(bytes), isOrdered: true };
  const model = new MlpModel(buildMlp("sum", weights, undefined, { input: "x", output: "y" }));
  const grid = Array.from({ length: 101 }, (_, i) => i / 100);
  const pairs = grid.flatMap((left) => grid.map((right) => [left, right]));
  const data = Float32Array.from(pairs.flat());
  const [y] = model.predict([{ name: "x", datatype: "FP32", shape: [pairs.length, 2], data }]);
  const found = y.data as Float32Array;
  return Math.max(...pairs.map(([left, right], i) => Math.abs(found[i] - (left + right))));
}

Deno.test({
  name: "examples/pipeline: Python's zipfile finds nothing wrong with the archives",
  ignore: !mayReadFixtures || !hasPythonModule("zipfile"),
}, async () => {
  const program = `
import base64, io, sys, zipfile
for path in sys.argv[1:]:
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(open(path).read(), validate=True)))
    print(archive.testzip(), *archive.namelist())
`;
  const storages = [0, 1, 2, 3, 4, 5].map((key) => `archive/data/${key}`).join(" ");
  const line = `None archive/data.pkl archive/byteorder ${storages} archive/version\n`;
  assert.equal(await python(program), line.repeat(3));
});

Deno.test({
  name: "examples/pipeline: PyTorch loads what we load, bit for bit",
  ignore: !mayReadFixtures || !hasPythonModule("torch"),
}, async () => {
  const program = `
import base64, io, sys, torch
for path in sys.argv[1:]:
    data = io.BytesIO(base64.b64decode(open(path).read(), validate=True))
    for name, tensor in torch.load(data, weights_only=True).items():
        print(name, list(tensor.shape), tensor.numpy().tobytes().hex(), sep="|")
`;
  const lines = networks().flatMap(([, bytes]) =>
    [...readStateDict(bytes).values()].map(({ name, shape, data }) => {
      const { buffer, byteOffset, byteLength } = data;
      const hex = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).toHex();
      return `${name}|[${shape.join(", ")}]|${hex}\n`;
    })
  );
  assert.equal(await python(program), lines.join(""));
});

/** What a program of Python prints of the networks' files. */
async function python(program: string): Promise<string> {
  const paths = networks().map(([name]) => new URL(name, FOLDER).pathname);
  const command = new Deno.Command("python3", { args: ["-c", program, ...paths] });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
