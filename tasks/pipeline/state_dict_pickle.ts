import { Opcode } from "../../lib/weights/pickle_opcode.ts";
import { uint32 } from "./little_endian.ts";

/** A float32 tensor in row-major order. */
export interface NamedFloats {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/**
 * The pickle of a state_dict: an OrderedDict of tensors, each of a storage of its own whose key is the
 * tensor's index.
 *
 * Names that repeat are written out each time, where Python's pickler would refer to the first.
 *
 * Source: PEP 307, protocol 2; pytorch, torch/_utils.py.
 */
export function pickleStateDict(tensors: readonly NamedFloats[]): Uint8Array<ArrayBuffer> {
  const items = tensors.flatMap((
    tensor,
    index,
  ) => [...text(tensor.name), ...rebuild(tensor, index)]);
  return Uint8Array.from([
    ...[Opcode.PROTO, 2],
    ...emptyOrderedDict(),
    ...[Opcode.MARK, ...items, Opcode.SETITEMS],
    Opcode.STOP,
  ]);
}

/** `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)`. */
function rebuild({ shape, data }: NamedFloats, index: number): number[] {
  const storage = [text("storage"), name("torch", "FloatStorage"), text(`${index}`), text("cpu")];
  return [
    ...name("torch._utils", "_rebuild_tensor_v2"),
    Opcode.MARK,
    ...tuple([...storage, integer(data.length)]),
    Opcode.BINPERSID,
    ...integer(0),
    ...tuple(shape.map(integer)),
    ...tuple(rowMajorStrides(shape).map(integer)),
    Opcode.NEWFALSE,
    ...emptyOrderedDict(),
    Opcode.TUPLE,
    Opcode.REDUCE,
  ];
}

/** How many elements further each dimension's next is. */
function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((size, length) => size * length, 1));
}

function emptyOrderedDict(): number[] {
  return [...name("collections", "OrderedDict"), Opcode.EMPTY_TUPLE, Opcode.REDUCE];
}

function tuple(items: readonly number[][]): number[] {
  return [Opcode.MARK, ...items.flat(), Opcode.TUPLE];
}

function name(module: string, member: string): number[] {
  return [Opcode.GLOBAL, ...encoder.encode(`${module}\n${member}\n`)];
}

function text(value: string): number[] {
  const bytes = encoder.encode(value);
  return [Opcode.BINUNICODE, ...uint32(bytes.length), ...bytes];
}

function integer(value: number): number[] {
  return [Opcode.BININT, ...uint32(value)];
}
