import { OperationError } from "../errors.ts";
import {
  PICKLE_DEPTH_MAX,
  PICKLE_MEMO_MAX,
  PICKLE_NAME_BYTES_MAX,
  PICKLE_STACK_MAX,
} from "../limits.ts";
import { Opcode, opcodeName } from "./pickle_opcode.ts";
import { kindOf, type PickleDict, type PickleTuple, type PickleValue } from "./pickle_value.ts";
import { quote } from "./quote.ts";

/** The names that a pickle may use, and what they mean. */
export interface PickleVocabulary {
  /** Whether `module name` is a name that may stand in the pickle. */
  has(name: string): boolean;
  /** What a call of a name makes. */
  call(name: string, args: readonly PickleValue[]): PickleValue;
  /** What a persistent id stands for. */
  load(id: PickleValue): PickleValue;
  /** Takes, or refuses, the attributes that are set on a value. */
  build(value: PickleValue, state: PickleValue): void;
}

/** PROTO's argument: what `torch.save` writes. Others have opcodes that are not known here. */
const PROTOCOL = 2;

/** LONG1's integers stay within what a float64 counts exactly. */
const LONG_BYTES_MAX = 8;

const LINE_FEED = 0x0a;

/** Opcodes with a tuple of so many items. */
const TUPLE_LENGTHS: Readonly<Record<number, number>> = {
  [Opcode.EMPTY_TUPLE]: 0,
  [Opcode.TUPLE1]: 1,
  [Opcode.TUPLE2]: 2,
  [Opcode.TUPLE3]: 3,
};

/**
 * The value of a pickle, of the opcodes that a state_dict needs and the names that a vocabulary has.
 *
 * A pickle is a program: it can name any function of Python and call it. Here a name is looked up in the
 * vocabulary and stays a name, all other names and all other opcodes are refused by name, and nothing is
 * called but the vocabulary. Stack, memo, names and depth are bounded; each byte makes one value at most.
 *
 * Cost: linear in the bytes.
 *
 * Source: Python 3.13, Lib/pickletools.py; protocol 2 is PEP 307.
 *
 * @throws {OperationError} `invalid-argument` naming the opcode, name or bound and the byte where it stands
 */
export function unpickle(bytes: Uint8Array, vocabulary: PickleVocabulary): PickleValue {
  return new Machine(bytes, vocabulary).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #vocabulary: PickleVocabulary;
  readonly #stack: PickleValue[] = [];
  /** Lengths that the stack had at each open MARK; nothing is popped from below the last. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;
  #opcodeAt = 0;

  constructor(bytes: Uint8Array, vocabulary: PickleVocabulary) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#vocabulary = vocabulary;
  }

  run(): PickleValue {
    const length = this.#bytes.length;
    if (length < 2 || this.#bytes[0] !== Opcode.PROTO) {
      throw this.#refusal("it does not begin with PROTO");
    }
    if (this.#bytes[1] !== PROTOCOL) {
      throw this.#refusal(`its protocol is ${this.#bytes[1]}, needs ${PROTOCOL}`);
    }
    this.#at = 2;
    for (;;) {
      this.#opcodeAt = this.#at;
      const code = this.#uint8();
      if (code === Opcode.STOP) return this.#stop();
      this.#step(code);
    }
  }

  #stop(): PickleValue {
    const value = this.#pop();
    if (this.#stack.length > 0) throw this.#refusal("it leaves values behind");
    if (this.#at !== this.#bytes.length) throw this.#refusal("bytes follow its STOP");
    return value;
  }

  #step(code: number): void {
    switch (code) {
      case Opcode.MARK:
        if (this.#marks.length >= PICKLE_DEPTH_MAX) throw this.#tooDeep();
        this.#marks.push(this.#stack.length);
        return;
      case Opcode.NONE:
        return this.#push(null);
      case Opcode.NEWTRUE:
        return this.#push(true);
      case Opcode.NEWFALSE:
        return this.#push(false);
      case Opcode.BININT:
        return this.#push(this.#view.getInt32(this.#take(4), true));
      case Opcode.BININT1:
        return this.#push(this.#uint8());
      case Opcode.BININT2:
        return this.#push(this.#view.getUint16(this.#take(2), true));
      case Opcode.LONG1:
        return this.#push(this.#long());
      case Opcode.BINUNICODE:
        return this.#push(this.#text(this.#uint32()));
      case Opcode.EMPTY_TUPLE:
      case Opcode.TUPLE1:
      case Opcode.TUPLE2:
      case Opcode.TUPLE3:
        return this.#push(this.#tuple(this.#popMany(TUPLE_LENGTHS[code])));
      case Opcode.TUPLE:
        return this.#push(this.#tuple(this.#popToMark()));
      case Opcode.EMPTY_DICT:
        return this.#push({ kind: "dict", entries: new Map() });
      case Opcode.SETITEM:
        return this.#setItems(this.#popMany(2));
      case Opcode.SETITEMS:
        return this.#setItems(this.#popToMark());
      case Opcode.BINPUT:
        return this.#put(this.#uint8());
      case Opcode.LONG_BINPUT:
        return this.#put(this.#uint32());
      case Opcode.BINGET:
        return this.#get(this.#uint8());
      case Opcode.LONG_BINGET:
        return this.#get(this.#uint32());
      case Opcode.GLOBAL:
        return this.#global();
      case Opcode.REDUCE:
        return this.#reduce();
      case Opcode.BUILD:
        return this.#build();
      case Opcode.BINPERSID:
        return this.#push(this.#vocabulary.load(this.#pop()));
      default:
        throw this.#refusal(`opcode ${opcodeName(code)} is not one that a state_dict needs`);
    }
  }

  #push(value: PickleValue): void {
    if (this.#stack.length >= PICKLE_STACK_MAX) {
      throw this.#refusal(`more than ${PICKLE_STACK_MAX} values on the stack`);
    }
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    return this.#popMany(1)[0];
  }

  #popMany(count: number): PickleValue[] {
    const bottom = this.#marks.at(-1) ?? 0;
    if (this.#stack.length - count < bottom) throw this.#refusal("a value is missing");
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#refusal("a MARK is missing");
    return this.#stack.splice(mark);
  }

  /** The value on top, which stays. */
  #top(): PickleValue {
    const bottom = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= bottom) throw this.#refusal("a value is missing");
    return this.#stack[this.#stack.length - 1];
  }

  #tuple(items: readonly PickleValue[]): PickleTuple {
    let depth = 1;
    for (const item of items) {
      if (isTuple(item) && item.depth >= depth) depth = item.depth + 1;
    }
    if (depth > PICKLE_DEPTH_MAX) throw this.#tooDeep();
    return { kind: "tuple", items, depth };
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!isDict(dict)) throw this.#refusal(`items are set on ${kindOf(dict)}`);
    if (items.length % 2 !== 0) throw this.#refusal("a key has no value");
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index];
      if (typeof key !== "string" && typeof key !== "number") {
        throw this.#refusal(`${kindOf(key)} is a key, needs to be a string or an integer`);
      }
      if (dict.entries.has(key)) throw this.#refusal(`key ${quote(`${key}`)} is set twice`);
      dict.entries.set(key, items[index + 1]);
    }
  }

  #put(slot: number): void {
    const value = this.#top();
    if (this.#memo.size >= PICKLE_MEMO_MAX) {
      throw this.#refusal(`more than ${PICKLE_MEMO_MAX} values in the memo`);
    }
    this.#memo.set(slot, value);
  }

  #get(slot: number): void {
    const value = this.#memo.get(slot);
    if (value === undefined) throw this.#refusal(`nothing is at ${slot} of the memo`);
    this.#push(value);
  }

  #global(): void {
    const name = `${this.#line()} ${this.#line()}`;
    if (!this.#vocabulary.has(name)) {
      throw this.#refusal(`the name ${quote(name)} is not one that a state_dict needs`);
    }
    this.#push({ kind: "global", name });
  }

  #reduce(): void {
    const [callee, args] = this.#popMany(2);
    if (!isGlobal(callee)) throw this.#refusal(`${kindOf(callee)} is called`);
    if (!isTuple(args)) throw this.#refusal(`${callee.name} is called with ${kindOf(args)}`);
    this.#push(this.#vocabulary.call(callee.name, args.items));
  }

  #build(): void {
    const state = this.#pop();
    this.#vocabulary.build(this.#top(), state);
  }

  /** A little-endian two's complement integer. */
  #long(): number {
    const length = this.#uint8();
    if (length > LONG_BYTES_MAX) throw this.#refusal(`an integer of ${length} bytes`);
    let value = 0n;
    const start = this.#take(length);
    for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(this.#bytes[start + i]);
    const number = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(number)) throw this.#refusal(`the integer ${number} is too large`);
    return number;
  }

  #line(): string {
    const end = this.#bytes.indexOf(LINE_FEED, this.#at);
    const length = end - this.#at;
    if (end < 0 || length > PICKLE_NAME_BYTES_MAX) {
      throw this.#refusal(`a name without an end within ${PICKLE_NAME_BYTES_MAX} bytes`);
    }
    const text = this.#text(length);
    this.#at = end + 1;
    return text;
  }

  #text(length: number): string {
    const start = this.#take(length);
    try {
      return utf8.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw this.#refusal("a text is not UTF-8");
    }
  }

  #uint8(): number {
    return this.#bytes[this.#take(1)];
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Where the next `count` bytes begin, which are taken. */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) throw this.#refusal("it is cut short");
    this.#at = start + count;
    return start;
  }

  #tooDeep(): OperationError {
    return this.#refusal(`values stand more than ${PICKLE_DEPTH_MAX} deep`);
  }

  #refusal(why: string): OperationError {
    return new OperationError(
      "invalid-argument",
      `Cannot read the pickle: ${why}, at byte ${this.#opcodeAt}`,
    );
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isTuple(value: PickleValue): value is PickleTuple {
  return typeof value === "object" && value?.kind === "tuple";
}

function isDict(value: PickleValue): value is PickleDict {
  return typeof value === "object" && value?.kind === "dict";
}

function isGlobal(value: PickleValue): value is { kind: "global"; name: string } {
  return typeof value === "object" && value?.kind === "global";
}
