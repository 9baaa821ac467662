import assert from "node:assert/strict";
import { OperationError } from "../../../lib/errors.ts";
import { mlpOperations } from "../../../lib/platforms/mlp_definition.ts";
import { readNetwork } from "../../../lib/platforms/read_network.ts";
import { decodeBase64Line } from "../../../lib/weights/base64_line.ts";
import { PICKLE_ATTACKS } from "../../pipeline/pickle_attacks.ts";
import {
  networkFile,
  networkPickle,
  networkStorages,
  networkTensors,
} from "../../pipeline/network_file.ts";
import { writeStoredZip } from "../../weights/stored_zip_writer.ts";
import { mutant } from "../mutation.ts";
import type { Random } from "../random.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

const NN_ID = "0".repeat(32);

/** Multiply-adds of the one network that there is. */
const OPERATIONS = 2 * 20 + 20 * 20 + 20;

/** What is uploaded to the Pipeline, from base64 to tensors: its network, or an error that says why not. */
export const networkUpload: FuzzTarget = {
  name: "network-upload",
  share: 3,
  generate(random) {
    switch (random.below(8)) {
      case 0:
        return mutant(random, TEXTS);
      case 1:
      case 2:
        return encode(mutant(random, FILES));
      default:
        return encode(withPickle(random, mutant(random, PICKLES)));
    }
  },
  run(input) {
    const outcome = valueOrError(
      () => readNetwork(NN_ID, decodeBase64Line(latin1.decode(input))),
      isRefusal,
    );
    if ("error" in outcome) return;
    const { layers } = outcome.value;
    assert.equal(mlpOperations(outcome.value), OPERATIONS);
    for (const { inputs, outputs, weight, bias } of layers) {
      assert.equal(weight.length, inputs * outputs);
      assert.equal(bias.length, outputs);
    }
  },
};

function isRefusal(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code === "invalid-argument";
}

const latin1 = new TextDecoder("latin1");

const TENSORS = networkTensors(() => 1);

/** In an archive whose checksums are right, so that the pickle is read. */
function withPickle(random: Random, data: Uint8Array): Uint8Array {
  if (random.oneIn(4)) return networkFile(TENSORS, new Uint8Array(data));
  return writeStoredZip([{ name: "archive/data.pkl", data }, ...SOME_STORAGES]);
}

/** Small ones: how many bytes they have changes nothing of how they are read. */
const SOME_STORAGES = networkStorages(TENSORS).filter(({ data }) => data.length <= 160);

function encode(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(bytes.toBase64());
}

const FILES = [networkFile(TENSORS), writeStoredZip([])];
const PICKLES = [
  networkPickle(TENSORS),
  ...Object.values(PICKLE_ATTACKS).map(({ pickle }) => pickle),
];
const TEXTS = FILES.map(encode);
