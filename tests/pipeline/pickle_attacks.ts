import { Opcode } from "../../lib/weights/pickle_opcode.ts";
import {
  global,
  integer,
  orderedDict,
  pickle,
  type PicklePart,
  stateDictPickle,
  text,
  tuple,
} from "../weights/pickle_builder.ts";

/** A pickle that is up to something, and what is said of it. */
export interface PickleAttack {
  readonly pickle: Uint8Array<ArrayBuffer>;
  readonly refusal: RegExp;
}

/** Opcodes that are not known here. Source: Python 3.13, Lib/pickletools.py. */
const INST = "i";
const OBJ = "o";
const NEWOBJ = 0x81;
const NEWOBJ_EX = 0x92;
const EXT1 = 0x82;
const STACK_GLOBAL = 0x93;
const PERSID = "P";
const DUP = "2";
const LONG4 = 0x8b;
const BINBYTES = "B";
const FRAME = 0x95;

/** Calls a function of Python with one text, by GLOBAL and REDUCE. */
function calling(module: string, name: string, argument = "touch /tmp/owned"): PickleAttack {
  return {
    pickle: pickle(global(module, name), tuple(text(argument)), Opcode.REDUCE, Opcode.STOP),
    refusal: new RegExp(`the name "${module} ${name}" is not one`),
  };
}

function refused(refusal: RegExp, ...parts: PicklePart[]): PickleAttack {
  return { pickle: pickle(...parts, Opcode.STOP), refusal };
}

function repeated(count: number, ...parts: number[]): Uint8Array {
  return Uint8Array.from({ length: count * parts.length }, (_, i) => parts[i % parts.length]);
}

const DICT = [orderedDict()];
const UINT32_MAX = Uint8Array.of(0xff, 0xff, 0xff, 0xff);

/** Every tuple holds the one before twice: a hundred bytes that stand for 2³⁰ values. */
const TUPLE_BOMB = [
  text("x"),
  ...Array.from({ length: 30 }, (_, i) => [
    Opcode.BINPUT,
    i,
    Opcode.BINGET,
    i,
    Opcode.TUPLE2,
  ]).flat(),
];

const ELSEWHERE = { elements: 4, shape: [4], strides: [1] };

/** What is known to be tried on readers of pickles, by name. */
export const PICKLE_ATTACKS: Readonly<Record<string, PickleAttack>> = {
  "os.system": calling("os", "system"),
  "posix.system": calling("posix", "system"),
  "builtins.eval": calling("builtins", "eval", "__import__('os').system('id')"),
  "builtins.getattr": calling("builtins", "getattr"),
  "subprocess.Popen": calling("subprocess", "Popen"),
  "a name of PyTorch that runs code": calling("torch.hub", "load"),
  "a name of PyTorch that reads files": calling("torch.serialization", "load"),
  "a storage class as a function": refused(
    /torch FloatStorage is called/,
    global("torch", "FloatStorage"),
    tuple(integer(1)),
    Opcode.REDUCE,
  ),
  "INST": refused(/opcode INST/, Opcode.MARK, text("id"), `${INST}os\nsystem\n`),
  "OBJ": refused(
    /the name "os system"/,
    Opcode.MARK,
    global("os", "system"),
    text("id"),
    OBJ,
  ),
  "OBJ of a name that is known": refused(
    /opcode OBJ/,
    Opcode.MARK,
    global("collections", "OrderedDict"),
    OBJ,
  ),
  "NEWOBJ": refused(
    /opcode NEWOBJ/,
    global("collections", "OrderedDict"),
    Opcode.EMPTY_TUPLE,
    NEWOBJ,
  ),
  "NEWOBJ_EX": refused(/opcode NEWOBJ_EX/, ...DICT, Opcode.EMPTY_TUPLE, ...DICT, NEWOBJ_EX),
  "STACK_GLOBAL": refused(/opcode STACK_GLOBAL/, text("os"), text("system"), STACK_GLOBAL),
  "EXT1": refused(/opcode EXT1/, EXT1, 1),
  "BUILD of attributes": refused(
    /attributes are set/,
    ...DICT,
    Opcode.EMPTY_DICT,
    text("__class__"),
    global("collections", "OrderedDict"),
    Opcode.SETITEM,
    Opcode.BUILD,
  ),
  "BUILD of a tuple, which sets slots": refused(
    /attributes are set/,
    ...DICT,
    Opcode.NONE,
    Opcode.EMPTY_DICT,
    Opcode.TUPLE2,
    Opcode.BUILD,
  ),
  "REDUCE of what was built": refused(/is called/, ...DICT, Opcode.EMPTY_TUPLE, Opcode.REDUCE),
  "a persistent id in text": refused(/opcode PERSID/, `${PERSID}../../etc/passwd\n`),
  "a persistent id that is no storage": refused(
    /persistent id is not that of a storage/,
    tuple(text("module"), text("os"), text("system"), text("id")),
    Opcode.BINPERSID,
  ),
  "a storage that is not in the file": {
    pickle: stateDictPickle({ "fc1.weight": { ...ELSEWHERE, key: "../../../etc/passwd" } }),
    refusal: /storage "\.\.\/\.\.\/\.\.\/etc\/passwd" is not in the file/,
  },
  "a tensor past its storage": {
    pickle: stateDictPickle({
      "output_layer.bias": { key: "5", elements: 1, offset: 0x7fff_ffff, shape: [1], strides: [1] },
    }),
    refusal: /it reaches element/,
  },
  "a tensor of more elements than there are": {
    pickle: stateDictPickle({
      "output_layer.bias": {
        key: "5",
        elements: 1,
        shape: [0x7fff_ffff, 0x7fff_ffff],
        strides: [0, 0],
      },
    }),
    refusal: /elements in a storage of 1|is not built of/,
  },
  "a tuple of itself, again and again": refused(
    /needs to be a dict/,
    ...TUPLE_BOMB,
  ),
  "a memo of many places": refused(
    /needs to be a dict of tensors/,
    text("x"),
    ...Array.from(
      { length: 10_000 },
      (_, i) => Uint8Array.of(Opcode.LONG_BINPUT, i & 0xff, i >> 8, 0, 0x7f),
    ),
  ),
  "marks without end": refused(/more than \d+ deep/, repeated(5_000, Opcode.MARK)),
  "tuples in tuples": refused(
    /more than \d+ deep/,
    Opcode.NONE,
    repeated(5_000, Opcode.TUPLE1),
  ),
  "a stack without end": refused(
    /more than \d+ values on the stack/,
    repeated(70_000, Opcode.NONE),
  ),
  "DUP": refused(/opcode DUP/, text("x"), DUP),
  "a long of four gigabytes": refused(/opcode LONG4/, LONG4, UINT32_MAX),
  "bytes of four gigabytes": refused(/opcode BINBYTES/, BINBYTES, UINT32_MAX),
  "a text of four gigabytes": refused(/it is cut short/, Opcode.BINUNICODE, UINT32_MAX),
  "a frame": refused(/opcode FRAME/, FRAME, repeated(8, 0)),
  "a dict that holds itself": refused(
    /needs to be a tensor/,
    ...DICT,
    Opcode.BINPUT,
    0,
    text("fc1.weight"),
    Opcode.BINGET,
    0,
    Opcode.SETITEM,
  ),
  "names of Object.prototype": refused(
    /"__proto__" is/,
    ...DICT,
    text("__proto__"),
    text("polluted"),
    Opcode.SETITEM,
  ),
};
