import assert from "node:assert/strict";
import { OperationError } from "../../../lib/errors.ts";
import { readStateDict } from "../../../lib/weights/state_dict.ts";
import { readStoredZip } from "../../../lib/weights/stored_zip.ts";
import { stateDictPickle } from "../../weights/pickle_builder.ts";
import { writeStoredZip } from "../../weights/stored_zip_writer.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** A ZIP archive: its files as views that lie apart, or an error; as a state_dict, tensors or an error. */
export const storedZip: FuzzTarget = {
  name: "stored-zip",
  share: 3,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => readStoredZip(input), isRefusal);
    const tensors = valueOrError(() => readStateDict(input), isRefusal);
    if ("error" in outcome) return assert.ok("error" in tensors, "tensors of no archive");
    const files = [...outcome.value.values()].filter(({ length }) => length > 0);
    files.sort((left, right) => left.byteOffset - right.byteOffset);
    let end = input.byteOffset;
    for (const { buffer, byteOffset, length } of files) {
      assert.equal(buffer, input.buffer);
      assert.ok(byteOffset >= end, "files that overlap");
      end = byteOffset + length;
    }
    assert.ok(end <= input.byteOffset + input.length);
  },
};

function isRefusal(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code === "invalid-argument";
}

const data = stateDictPickle({ "0.weight": { elements: 4, shape: [2, 2], strides: [2, 1] } });
const STORAGE = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

const ARCHIVE = [
  { name: "archive/data.pkl", data },
  { name: "archive/byteorder", data: new TextEncoder().encode("little") },
  { name: "archive/data/0", data: STORAGE },
];

const SEEDS = [
  writeStoredZip(ARCHIVE, { align: 64, zip64: true }),
  writeStoredZip(ARCHIVE),
  writeStoredZip(ARCHIVE.map((file) => ({ ...file, zip64: true }))),
  writeStoredZip([{ name: "a", data: STORAGE }, { name: "b", data: STORAGE, method: 8 }], {
    comment: STORAGE,
  }),
  writeStoredZip([]),
];
