import { OperationError } from "../errors.ts";
import { WEIGHTS_TENSORS_MAX } from "../limits.ts";
import { elementBytes, type FixedDatatype } from "../tensor/datatype.ts";
import type { FixedTensor } from "../tensor/tensor.ts";
import { kindOf, type PickleDict, type PickleValue } from "./pickle_value.ts";
import { quote } from "./quote.ts";
import { type PickleVocabulary, unpickle } from "./restricted_unpickler.ts";
import { isShape } from "./shape.ts";
import { readStrided, type Storage, type StridedView, TensorBudget } from "./strided.ts";
import { readTorchZip, type TorchRecords } from "./torch_zip.ts";

const ORDERED_DICT = "collections OrderedDict";
const REBUILD_TENSOR = "torch._utils _rebuild_tensor_v2";

/** The storages that hold elements of a datatype of ours. Source: pytorch, torch/storage.py. */
const STORAGES: ReadonlyMap<string, FixedDatatype> = new Map([
  ["torch BoolStorage", "BOOL"],
  ["torch ByteStorage", "UINT8"],
  ["torch CharStorage", "INT8"],
  ["torch ShortStorage", "INT16"],
  ["torch IntStorage", "INT32"],
  ["torch LongStorage", "INT64"],
  ["torch HalfStorage", "FP16"],
  ["torch BFloat16Storage", "BF16"],
  ["torch FloatStorage", "FP32"],
  ["torch DoubleStorage", "FP64"],
]);

/** Arguments of `_rebuild_tensor_v2` up to the hooks; a seventh holds what a view is besides its strides. */
const REBUILD_ARGUMENTS = 6;

/** A storage that the pickle has named. */
class PickledStorage implements Storage {
  readonly kind = "object";
  readonly key: string;
  readonly datatype: FixedDatatype;
  readonly elements: number;
  /** Aligned to the element's size. */
  readonly bytes: Uint8Array;

  constructor(key: string, datatype: FixedDatatype, elements: number, bytes: Uint8Array) {
    this.key = key;
    this.datatype = datatype;
    this.elements = elements;
    this.bytes = bytes;
  }
}

/** A tensor that the pickle has built of one. */
class PickledTensor {
  readonly kind = "object";
  readonly storage: PickledStorage;
  readonly view: StridedView;

  constructor(storage: PickledStorage, view: StridedView) {
    this.storage = storage;
    this.view = view;
  }
}

/**
 * The tensors of a file that `torch.save(state_dict)` has written, in its order.
 *
 * Whatever is not a dict of tensors by name is refused. Tensors whose elements do not stand in order are
 * copied into order; tensors that hold more elements than their storage (`expand`) are refused, and so are
 * files whose tensors together have more than four times their bytes.
 *
 * Cost: reads every byte once, for the checksums.
 *
 * Source: pytorch, torch/serialization.py and torch/_utils.py.
 *
 * @param bytes the tensors are views of them where they can be
 * @throws {OperationError} `invalid-argument` saying what is wrong, and with which tensor
 */
export function readStateDict(bytes: Uint8Array): ReadonlyMap<string, FixedTensor> {
  return readPickledTensors(readTorchZip(bytes), bytes.length);
}

/**
 * The tensors of the pickle of a state_dict, and of the storages that it names.
 *
 * @param fileBytes of the file in which they stand; the tensors together have at most four times as many
 * @throws {OperationError} as `readStateDict`
 */
export function readPickledTensors(
  records: TorchRecords,
  fileBytes: number,
): ReadonlyMap<string, FixedTensor> {
  const dict = unpickle(records.pickle, new StateDictVocabulary(records));
  if (!isDict(dict)) throw refusal(`it is ${kindOf(dict)}, needs to be a dict of tensors`);
  if (dict.entries.size > WEIGHTS_TENSORS_MAX) {
    throw refusal(`it has ${dict.entries.size} tensors, at most ${WEIGHTS_TENSORS_MAX} are read`);
  }
  const budget = new TensorBudget(fileBytes);
  const tensors = new Map<string, FixedTensor>();
  for (const [name, value] of dict.entries) {
    if (typeof name !== "string") throw refusal(`${kindOf(name)} is a key, needs to be a string`);
    if (!(value instanceof PickledTensor)) {
      throw refusal(`${quote(name)} is ${kindOf(value)}, needs to be a tensor`);
    }
    const { storage, view } = value;
    const data = readStrided(name, storage, view, budget);
    tensors.set(name, { name, datatype: storage.datatype, shape: view.shape, data });
  }
  return tensors;
}

/** The names that a state_dict needs, and the storages that it has named. */
class StateDictVocabulary implements PickleVocabulary {
  readonly #records: TorchRecords;
  readonly #storages = new Map<string, PickledStorage>();

  constructor(records: TorchRecords) {
    this.#records = records;
  }

  has(name: string): boolean {
    return name === ORDERED_DICT || name === REBUILD_TENSOR || STORAGES.has(name);
  }

  call(name: string, args: readonly PickleValue[]): PickleValue {
    if (name === REBUILD_TENSOR) return rebuildTensor(args);
    if (name === ORDERED_DICT && args.length === 0) return { kind: "dict", entries: new Map() };
    throw refusal(`${name} is called with ${args.length} arguments`);
  }

  load(id: PickleValue): PickleValue {
    return loadStorage(id, this.#records, this.#storages);
  }

  /** Takes what a module's state_dict says of its versions; nothing here depends on them. */
  build(value: PickleValue, state: PickleValue): void {
    const isMetadata = isDict(value) && isDict(state) && state.entries.size === 1 &&
      state.entries.has("_metadata");
    if (!isMetadata) throw refusal(`attributes are set on ${kindOf(value)}`);
  }
}

/** `("storage", class, key, location, elements)`; the location does not matter here. */
function loadStorage(
  id: PickleValue,
  records: TorchRecords,
  storages: Map<string, PickledStorage>,
): PickledStorage {
  const [type, storageClass, key, location, elements, ...more] = itemsOf(id) ?? [];
  const datatype = isGlobal(storageClass) ? STORAGES.get(storageClass.name) : undefined;
  const isId = type === "storage" && datatype !== undefined && typeof key === "string" &&
    typeof location === "string" && isCount(elements) && more.length === 0;
  if (!isId) throw refusal("a persistent id is not that of a storage");
  const known = storages.get(key);
  if (known === undefined) {
    const storage = openStorage(key, datatype, elements, records);
    storages.set(key, storage);
    return storage;
  }
  if (known.datatype === datatype && known.elements === elements) return known;
  throw refusal(`storage ${quote(key)} is named as two different ones`);
}

function openStorage(
  key: string,
  datatype: FixedDatatype,
  elements: number,
  records: TorchRecords,
): PickledStorage {
  const found = records.storage(key);
  if (found === undefined) throw refusal(`storage ${quote(key)} is not in the file`);
  const size = elementBytes(datatype);
  if (found.length !== elements * size) {
    const needed = `${elements} elements of ${datatype} need ${elements * size}`;
    throw refusal(`storage ${quote(key)} has ${found.length} bytes, ${needed}`);
  }
  const bytes = found.byteOffset % size === 0 ? found : found.slice();
  if (datatype === "BOOL" && bytes.some((byte) => byte > 1)) {
    throw refusal(`storage ${quote(key)} of BOOL holds more than 0 and 1`);
  }
  return new PickledStorage(key, datatype, elements, bytes);
}

/** `(storage, offset, shape, strides, requires_grad, backward_hooks)`. */
function rebuildTensor(args: readonly PickleValue[]): PickledTensor {
  const [storage, offset, shapeValue, stridesValue, requiresGrad, hooks] = args;
  const shape = itemsOf(shapeValue);
  const strides = itemsOf(stridesValue);
  const isTensor = args.length === REBUILD_ARGUMENTS && storage instanceof PickledStorage &&
    isCount(offset) && shape !== undefined && isShape(shape) && strides?.every(isCount) === true &&
    typeof requiresGrad === "boolean" && isDict(hooks) && hooks.entries.size === 0;
  if (!isTensor) {
    const wrong = "a tensor is not built of a storage, offset, shape and strides alone";
    throw refusal(
      `${wrong} (negated and conjugated views, hooks and negative strides are not read)`,
    );
  }
  if (strides.length !== shape.length) {
    throw refusal(`a tensor of shape [${shape}] has strides [${strides}]`);
  }
  return new PickledTensor(storage, { offset, shape, strides });
}

function itemsOf(value: PickleValue | undefined): readonly PickleValue[] | undefined {
  return typeof value === "object" && value?.kind === "tuple" ? value.items : undefined;
}

function isDict(value: PickleValue | undefined): value is PickleDict {
  return typeof value === "object" && value?.kind === "dict";
}

function isGlobal(value: PickleValue | undefined): value is { kind: "global"; name: string } {
  return typeof value === "object" && value?.kind === "global";
}

function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refusal(why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read the state_dict: ${why}`);
}
