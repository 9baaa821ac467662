import { Opcode } from "../../lib/weights/pickle_opcode.ts";

const encoder = new TextEncoder();

/** An opcode or a byte, a text, or bytes. */
export type PicklePart = number | string | Uint8Array;

/** Parts of a pickle: opcodes by number, texts as their bytes, bytes as they are. */
export function pickle(
  ...parts: PicklePart[]
): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [Opcode.PROTO, 2];
  for (const part of parts) {
    if (typeof part === "number") bytes.push(part);
    else {for (const byte of typeof part === "string" ? encoder.encode(part) : part) {
        bytes.push(byte);
      }}
  }
  return Uint8Array.from(bytes);
}

/** Pushes a text. */
export function text(value: string): Uint8Array {
  const bytes = encoder.encode(value);
  return Uint8Array.of(Opcode.BINUNICODE, ...uint32(bytes.length), ...bytes);
}

/** Pushes an integer of 32 bits. */
export function integer(value: number): Uint8Array {
  return Uint8Array.of(Opcode.BININT, ...uint32(value));
}

/** Pushes a name. */
export function global(module: string, name: string): Uint8Array {
  return encoder.encode(`c${module}\n${name}\n`);
}

/** Pushes a tuple of what the parts push. */
export function tuple(...parts: readonly Uint8Array[]): Uint8Array {
  return join([Uint8Array.of(Opcode.MARK), ...parts, Uint8Array.of(Opcode.TUPLE)]);
}

/** A tensor of a storage of the file. */
export interface BuiltTensor {
  readonly storageClass?: string;
  readonly key?: string;
  readonly elements: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Pushes a tensor. */
export function tensor(built: BuiltTensor): Uint8Array {
  const { storageClass = "FloatStorage", key = "0", elements, offset = 0, shape, strides } = built;
  const id = tuple(
    text("storage"),
    global("torch", storageClass),
    text(key),
    text("cpu"),
    integer(elements),
  );
  return join([
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(
      join([id, Uint8Array.of(Opcode.BINPERSID)]),
      integer(offset),
      tuple(...shape.map(integer)),
      tuple(...strides.map(integer)),
      Uint8Array.of(Opcode.NEWFALSE),
      orderedDict(),
    ),
    Uint8Array.of(Opcode.REDUCE),
  ]);
}

/** Pushes an empty OrderedDict. */
export function orderedDict(): Uint8Array {
  const call = Uint8Array.of(Opcode.EMPTY_TUPLE, Opcode.REDUCE);
  return join([global("collections", "OrderedDict"), call]);
}

/** The pickle of a state_dict of tensors. */
export function stateDictPickle(
  tensors: Readonly<Record<string, BuiltTensor>>,
): Uint8Array<ArrayBuffer> {
  const items = Object.entries(tensors).map(([name, built]) => join([text(name), tensor(built)]));
  return pickle(orderedDict(), Opcode.MARK, join(items), Opcode.SETITEMS, Opcode.STOP);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function uint32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => value >>> shift & 0xff);
}
