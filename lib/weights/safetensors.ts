import { OperationError } from "../errors.ts";
import { SAFETENSORS_HEADER_BYTES_MAX, WEIGHTS_TENSORS_MAX } from "../limits.ts";
import { elementBytes, type FixedDatatype, viewElements } from "../tensor/datatype.ts";
import { elementCount, type FixedTensor } from "../tensor/tensor.ts";
import { duplicateKey } from "./duplicate_key.ts";
import { quote } from "./quote.ts";
import { isShape } from "./shape.ts";

/** The header stands behind its length, a little-endian uint64. */
const LENGTH_BYTES = 8;

const OPENING_BRACE = 0x7b;

const METADATA = "__metadata__";

/** Those of the format that are datatypes of ours; not its floats of 4 to 8 bits, nor complex numbers. */
const DATATYPES: ReadonlyMap<unknown, FixedDatatype> = new Map([
  ["BOOL", "BOOL"],
  ["U8", "UINT8"],
  ["U16", "UINT16"],
  ["U32", "UINT32"],
  ["U64", "UINT64"],
  ["I8", "INT8"],
  ["I16", "INT16"],
  ["I32", "INT32"],
  ["I64", "INT64"],
  ["F16", "FP16"],
  ["BF16", "BF16"],
  ["F32", "FP32"],
  ["F64", "FP64"],
]);

/** What stands in a safetensors file. */
export interface Safetensors {
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, FixedTensor>;
  /** The header's `__metadata__`; empty when there is none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A tensor of the header, its bytes counted from the header's end. */
interface Entry {
  readonly name: string;
  readonly datatype: FixedDatatype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The tensors of a safetensors file.
 *
 * The data of the tensors have to fill the file behind the header, without holes or overlaps; names are
 * unique; nothing is unknown.
 *
 * Source: the safetensors README, "Format", and safetensors/src/tensor.rs.
 *
 * @param bytes the tensors are views of them where their address is a multiple of the element's size, copies
 *   where it is not
 * @throws {OperationError} `invalid-argument` saying what is wrong, and with which tensor
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const start = headerEnd(bytes);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, start));
  const { [METADATA]: metadata, ...fields } = header;
  const names = Object.keys(fields);
  if (names.length > WEIGHTS_TENSORS_MAX) {
    throw refusal(`it has ${names.length} tensors, at most ${WEIGHTS_TENSORS_MAX} are read`);
  }
  const entries = names.map((name) => readEntry(name, fields[name]));
  entries.sort((left, right) => left.begin - right.begin || left.end - right.end);
  checkFilled(entries, bytes.length - start);
  return {
    tensors: new Map(entries.map((entry) => [entry.name, readTensor(entry, bytes, start)])),
    metadata: readMetadata(metadata),
  };
}

function headerEnd(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) {
    throw refusal(`${bytes.length} bytes, needs at least ${LENGTH_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(SAFETENSORS_HEADER_BYTES_MAX)) {
    throw refusal(
      `its header has ${length} bytes, at most ${SAFETENSORS_HEADER_BYTES_MAX} are read`,
    );
  }
  const end = LENGTH_BYTES + Number(length);
  if (end > bytes.length) throw refusal(`its header of ${length} bytes is cut short`);
  return end;
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  // The format wants a brace first; JSON would take spaces before it.
  if (bytes[0] !== OPENING_BRACE) throw refusal("its header does not begin with {");
  let text: string;
  let header: unknown;
  try {
    text = utf8.decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw refusal("its header is not JSON in UTF-8");
  }
  if (!isRecord(header)) throw refusal("its header is not an object");
  const key = duplicateKey(text);
  if (key !== undefined) throw refusal(`its header has ${quote(key)} twice`);
  return header;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readEntry(name: string, value: unknown): Entry {
  if (!isRecord(value)) throw refusal(`${quote(name)} is not an object`);
  const { dtype, shape, data_offsets: offsets, ...more } = value;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) throw refusal(`${quote(name)} has the unknown key ${quote(unknown)}`);
  const datatype = DATATYPES.get(dtype);
  if (datatype === undefined) {
    const found = typeof dtype === "string" ? quote(dtype) : "none";
    throw refusal(`${quote(name)} has dtype ${found}, needs one of ${[...DATATYPES.keys()]}`);
  }
  if (!Array.isArray(shape) || !isShape(shape)) throw refusal(`${quote(name)} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(Number.isSafeInteger)) {
    throw refusal(`${quote(name)} has no data_offsets of two integers`);
  }
  const [begin, end] = offsets as readonly number[];
  const needed = elementCount(shape) * elementBytes(datatype);
  if (end - begin !== needed) {
    throw refusal(
      `${quote(name)} has ${end - begin} bytes, ${dtype} of shape [${shape}] needs ${needed}`,
    );
  }
  return { name, datatype, shape, begin, end };
}

/** Each tensor begins where the one before has ended, the first at 0, and the last ends with the file. */
function checkFilled(entries: readonly Entry[], dataBytes: number): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at) {
      throw refusal(
        `${quote(name)} begins at byte ${begin} of the data, needs to begin at ${at}: ` +
          (begin < at ? "tensors overlap" : "there is a hole"),
      );
    }
    at = end;
  }
  if (at !== dataBytes) throw refusal(`it has ${dataBytes} bytes of data, its tensors need ${at}`);
}

function readTensor(entry: Entry, bytes: Uint8Array, start: number): FixedTensor {
  const { name, datatype, shape, begin, end } = entry;
  const found = bytes.subarray(start + begin, start + end);
  if (datatype === "BOOL" && found.some((byte) => byte > 1)) {
    throw refusal(`${quote(name)} of BOOL holds more than 0 and 1`);
  }
  const raw = found.byteOffset % elementBytes(datatype) === 0 ? found : found.slice();
  const data = viewElements(datatype, raw.buffer, raw.byteOffset, elementCount(shape));
  return { name, datatype, shape, data };
}

function readMetadata(value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (!isRecord(value)) throw refusal(`${METADATA} is not an object`);
  return new Map(
    Object.entries(value).map(([key, text]) => {
      if (typeof text !== "string") throw refusal(`${METADATA}'s ${quote(key)} is not a string`);
      return [key, text];
    }),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refusal(why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read the safetensors file: ${why}`);
}
