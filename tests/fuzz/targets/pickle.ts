import assert from "node:assert/strict";
import { OperationError } from "../../../lib/errors.ts";
import { elementBytes } from "../../../lib/tensor/datatype.ts";
import { elementCount, type FixedTensor } from "../../../lib/tensor/tensor.ts";
import { Opcode } from "../../../lib/weights/pickle_opcode.ts";
import { readPickledTensors } from "../../../lib/weights/state_dict.ts";
import {
  global,
  integer,
  orderedDict,
  pickle as pickled,
  stateDictPickle,
  tensor,
  text,
  tuple,
} from "../../weights/pickle_builder.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** Storages "0", "1" and "2"; the last stands at an odd address. */
const STORAGES: readonly Uint8Array[] = [
  ...[24, 3].map((floats) => new Uint8Array(4 * floats).fill(1)),
  new Uint8Array(17).fill(1).subarray(1),
];

const FILE_BYTES = 1_000;

/** What the tensors of a file may have together. */
const TENSORS_BYTES_MAX = 4 * FILE_BYTES;

/** The pickle of a state_dict: its tensors, as its storages have them, or an error that says why not. */
export const pickle: FuzzTarget = {
  name: "pickle",
  share: 5,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const records = { pickle: input, storage: (key: string) => STORAGES[Number(key)] };
    const outcome = valueOrError(() => readPickledTensors(records, FILE_BYTES), isRefusal);
    if ("error" in outcome) return;
    let bytes = 0;
    for (const [name, tensor] of outcome.value) bytes += check(name, tensor);
    assert.ok(bytes <= TENSORS_BYTES_MAX, `${bytes} bytes of tensors`);
  },
};

/** Its bytes. */
function check(name: string, tensor: FixedTensor): number {
  const { datatype, shape, data } = tensor;
  assert.equal(tensor.name, name);
  assert.equal(data.length, elementCount(shape));
  assert.equal(data.BYTES_PER_ELEMENT, elementBytes(datatype));
  return data.byteLength;
}

function isRefusal(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code === "invalid-argument";
}

const WHOLE = { elements: 24, shape: [4, 6], strides: [6, 1] };

const SEEDS = [
  stateDictPickle({ "fc1.weight": WHOLE, "fc1.bias": { elements: 24, shape: [6], strides: [4] } }),
  stateDictPickle({ t: { ...WHOLE, shape: [6, 4], strides: [1, 6] } }),
  stateDictPickle({
    a: { elements: 3, key: "1", shape: [3], strides: [1] },
    b: { elements: 8, key: "2", storageClass: "HalfStorage", shape: [2, 2], strides: [4, 1] },
  }),
  pickled(
    ...[orderedDict(), Opcode.BINPUT, 0, Opcode.MARK, text("t"), tensor(WHOLE), Opcode.BINPUT, 1],
    ...[text("again"), Opcode.BINGET, 1, Opcode.SETITEMS, Opcode.EMPTY_DICT, text("_metadata")],
    ...[Opcode.BINGET, 0, Opcode.SETITEM, Opcode.BUILD, Opcode.STOP],
  ),
  pickled(global("os", "system"), tuple(text("id")), Opcode.REDUCE, Opcode.STOP),
  pickled(text("os"), text("system"), 0x93, text("id"), Opcode.TUPLE1, Opcode.REDUCE, Opcode.STOP),
  pickled(Opcode.LONG1, 3, 1, 2, 3, integer(-1), Opcode.NEWTRUE, Opcode.TUPLE3, Opcode.STOP),
];
