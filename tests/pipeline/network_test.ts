import assert from "node:assert/strict";
import fc from "fast-check";
import { MlpModel } from "../../lib/platforms/mlp_model.ts";
import { readNetwork } from "../../lib/platforms/read_network.ts";
import { decodeBase64Line } from "../../lib/weights/base64_line.ts";
import { mayReadFixtures, pipelineWeights } from "../weights/fixture.ts";
import { assertRefused, SEED } from "../weights/refusal.ts";
import { writeStoredZip, type WrittenFile } from "../weights/stored_zip_writer.ts";
import {
  networkFile,
  networkPickle,
  networkStorages,
  type NetworkTensor,
  networkTensors,
} from "./network_file.ts";
import { naivePredict } from "./naive_network.ts";
import { PICKLE_ATTACKS } from "./pickle_attacks.ts";

const NN_ID = "0d3c5dffa4374c77a554ed38c9c50296";

function predict(file: Uint8Array, x: readonly number[]): number {
  const model = new MlpModel(readNetwork(NN_ID, file));
  const [y] = model.predict([
    { name: "x", datatype: "FP32", shape: [1, 2], data: Float32Array.from(x) },
  ]);
  return Number(y.data[0]);
}

Deno.test("readNetwork() is the network that the file's numbers are", () => {
  const value = fc.float({ noNaN: true, min: -2, max: 2 });
  const values = fc.array(value, { minLength: 501, maxLength: 501 });
  fc.assert(
    fc.property(values, fc.tuple(value, value), (weights, x) => {
      let at = 0;
      const tensors = networkTensors(() => weights[at++]);
      assert.equal(predict(networkFile(tensors), x), naivePredict(tensors, x));
    }),
    { seed: SEED, numRuns: 100 },
  );
});

Deno.test({
  name: "readNetwork() predicts with the original's weights as the original does",
  ignore: pipelineWeights === undefined || !mayReadFixtures,
}, () => {
  const name = `${NN_ID}_66e26224.b64`;
  const file = decodeBase64Line(Deno.readTextFileSync(`${pipelineWeights}/${name}`));
  assert.equal(predict(file, [0.446, 0.554]), 1.0000178813934326);
});

/** What the tensors of a file may be changed into, and what is said of it. */
const WRONG: readonly (readonly [
  name: string,
  change: (tensors: Record<string, NetworkTensor>) => void,
  refusal: RegExp,
])[] = [
  [
    "a layer of other inputs",
    (tensors) => tensors["fc1.weight"] = { shape: [20, 3], values: new Array(60).fill(0) },
    /^Cannot load network 0d3c\w+: "fc1.weight" is FP32 \[20, 3\], needs FP32 \[20, 2\]$/,
  ],
  [
    "a transposed layer",
    (tensors) => tensors["fc1.weight"] = { ...tensors["fc1.weight"], shape: [2, 20] },
    /"fc1.weight" is FP32 \[2, 20\], needs FP32 \[20, 2\]/,
  ],
  [
    "a bias of two dimensions",
    (tensors) => tensors["output_layer.bias"] = { shape: [1, 1], values: [0] },
    /"output_layer.bias" is FP32 \[1, 1\], needs FP32 \[1\]/,
  ],
  [
    "a bias of no dimension",
    (tensors) => tensors["output_layer.bias"] = { shape: [], values: [0] },
    /"output_layer.bias" is FP32 \[\], needs FP32 \[1\]/,
  ],
  [
    "a missing bias",
    (tensors) => delete tensors["fc2.bias"],
    /the file has no tensor "fc2.bias", needs FP32 \[20\]/,
  ],
  [
    "a tensor too many",
    (tensors) => tensors["fc3.weight"] = { shape: [1], values: [0] },
    /tensor "fc3.weight" is none of fc1.weight, fc1.bias, .*output_layer.bias/,
  ],
  [
    "nothing",
    (tensors) => Object.keys(tensors).forEach((name) => delete tensors[name]),
    /no tensor "fc1.weight"/,
  ],
];

Deno.test("readNetwork() says which tensor is wrong, what it is and what it needs to be", async (t) => {
  for (const [name, change, refusal] of WRONG) {
    await t.step(name, () => {
      const tensors = networkTensors(() => 0);
      change(tensors);
      assertRefused(() => readNetwork(NN_ID, networkFile(tensors)), refusal);
    });
  }
  await t.step("half floats", () => {
    const half = [
      { name: "archive/data.pkl", data: networkPickle(TENSORS, "HalfStorage") },
      ...STORAGES.slice(0, -1),
      { name: "archive/data/5", data: new Uint8Array(2) },
    ];
    assertRefused(
      () => readNetwork(NN_ID, writeStoredZip(half)),
      /"output_layer.bias" is FP16 \[1\], needs FP32 \[1\]/,
    );
  });
});

Deno.test("readNetwork() refuses pickles that are up to something", async (t) => {
  const tensors = networkTensors(() => 0);
  for (const [name, { pickle, refusal }] of Object.entries(PICKLE_ATTACKS)) {
    await t.step(name, () => {
      assertRefused(() => readNetwork(NN_ID, networkFile(tensors, pickle)), refusal);
      assertRefused(() => readNetwork(NN_ID, networkFile(tensors, pickle)), /^Cannot load network/);
    });
  }
});

const TENSORS = networkTensors(() => 0);
const PICKLE: WrittenFile = { name: "archive/data.pkl", data: networkPickle(TENSORS) };
const STORAGES: readonly WrittenFile[] = networkStorages(TENSORS);

const WRONG_ARCHIVES: Readonly<Record<string, readonly [file: Uint8Array, refusal: RegExp]>> = {
  "no archive": [new TextEncoder().encode("weights"), /without the end of one/],
  "nothing": [new Uint8Array(0), /without the end of one/],
  "a compressed entry, whatever it would become": [
    writeStoredZip([PICKLE, { ...STORAGES[0], method: 8, bytes: 0xffff_fff0 }]),
    /entry "archive\/data\/0" is compressed \(method 8\)/,
  ],
  "an entry of four gigabytes": [
    writeStoredZip([PICKLE, { ...STORAGES[0], bytes: 0xffff_fff0 }]),
    /entry "archive\/data\/0" runs past the data/,
  ],
  "entries that share their bytes": [
    writeStoredZip([PICKLE, STORAGES[0], { ...STORAGES[0], sharesWith: 1 }]),
    /overlap/,
  ],
  "two entries of one name": [
    writeStoredZip([PICKLE, ...STORAGES, STORAGES[0]]),
    /two entries "archive\/data\/0"/,
  ],
  "two pickles": [
    writeStoredZip([PICKLE, { ...PICKLE, name: "other/data.pkl" }]),
    /2 files NAME\/data.pkl/,
  ],
  "a wrong checksum": [writeStoredZip([{ ...PICKLE, crc: 1 }, ...STORAGES]), /CRC-32/],
  "an encrypted entry": [writeStoredZip([{ ...PICKLE, flags: 1 }]), /encrypted/],
  "names that leave the folder": [
    writeStoredZip([PICKLE, ...STORAGES.map((file) => ({ ...file, name: `../${file.name}` }))]),
    /storage "0" is not in the file/,
  ],
};

Deno.test("readNetwork() refuses archives that are up to something", async (t) => {
  for (const [name, [file, refusal]] of Object.entries(WRONG_ARCHIVES)) {
    await t.step(name, () => assertRefused(() => readNetwork(NN_ID, file), refusal));
  }
});

Deno.test("readNetwork() refuses every file that is cut short", () => {
  const file = networkFile(TENSORS);
  for (let length = 0; length < file.length; length += 7) {
    assertRefused(() => readNetwork(NN_ID, file.subarray(0, length)), /./);
  }
});
