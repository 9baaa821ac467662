import { OperationError } from "../errors.ts";
import { PICKLE_BYTES_MAX } from "../limits.ts";
import { quote } from "./quote.ts";
import { readStoredZip } from "./stored_zip.ts";

/** The records of a file that `torch.save` has written. */
export interface TorchRecords {
  /** The pickle, which names the storages by their keys. */
  readonly pickle: Uint8Array;
  /** The bytes of a storage, little-endian; a view. Undefined for a key that the file does not have. */
  storage(key: string): Uint8Array | undefined;
}

/** Every record's name begins with the archive's own, which is the file's when it was saved to a path. */
const PICKLE_NAME = /^([^/]+\/)data\.pkl$/;

const ascii = new TextDecoder();

/**
 * The records of a file that `torch.save` has written, in its format of ZIP (the default since 1.6).
 *
 * Source: pytorch, caffe2/serialize/inline_container.h and torch/serialization.py.
 *
 * @param bytes not copied
 * @throws {OperationError} `invalid-argument` when the archive is damaged, has compressed files (as TorchScript's
 *   programs have), or was written on a big-endian machine
 */
export function readTorchZip(bytes: Uint8Array): TorchRecords {
  const files = readStoredZip(bytes);
  const pickles = [...files.keys()].filter((name) => PICKLE_NAME.test(name));
  if (pickles.length !== 1) {
    throw refusal(`it has ${pickles.length} files NAME/data.pkl, needs one`);
  }
  const [name] = pickles;
  const folder = name.slice(0, name.indexOf("/") + 1);
  const pickle = files.get(name) as Uint8Array;
  if (pickle.length > PICKLE_BYTES_MAX) {
    throw refusal(`its pickle has ${pickle.length} bytes, at most ${PICKLE_BYTES_MAX} are read`);
  }
  checkByteOrder(files.get(`${folder}byteorder`));
  return { pickle, storage: (key) => files.get(`${folder}data/${key}`) };
}

/** Written since 2.1; those before are taken for little-endian, as PyTorch does. */
function checkByteOrder(record: Uint8Array | undefined): void {
  if (record === undefined) return;
  const order = ascii.decode(record.subarray(0, "little".length + 1));
  if (order !== "little") throw refusal(`its byte order is ${quote(order)}, needs "little"`);
}

function refusal(why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read the PyTorch file: ${why}`);
}
