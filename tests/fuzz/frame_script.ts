import { HeaderField, type HeaderList } from "../../lib/http2/hpack/header_field.ts";
import { ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY, Type } from "../http2/wire.ts";
import { mutate } from "./mutation.ts";
import type { Random } from "./random.ts";
import { WireBuilder } from "./wire_builder.ts";

/** Where a peer's frames differ from one target to the next. */
export interface FrameDialect {
  /** Bytes of choices in front of the wire's. */
  readonly choiceBytes: number;
  /** What the peer says before any frame. */
  readonly preface: Uint8Array;
  /** Streams that exist without the peer's doing: a client's, before its server answers. */
  readonly streams: number;
  /** Header sections that begin a message, and that end it. */
  readonly heads: readonly HeaderList[];
  readonly trailers: readonly HeaderList[];
  /** One that is longer than a frame, and longer than is accepted. */
  readonly largeHead: HeaderList;
  /** A body, to be cut anywhere. */
  body(random: Random): Uint8Array;
}

const FRAMES_MAX = 40;
const SETTING_IDS = [1, 1, 3, 4, 4, 5, 2, 6, 8, 0x99] as const;
const SETTING_VALUES = [0, 1, 100, 4_096, 16_384, 65_535, 70_000, 262_144, 0x7fff_ffff] as const;
const EMPTY = new Uint8Array(0);
const ZEROS = new Uint8Array(256);

/**
 * Writes what a peer says: mostly messages on a few streams, their bodies cut anywhere, one beside
 * the other, with all else that a peer may say in between; now and then something is wrong. One
 * input in two is mutated on top.
 */
export function frameScript(random: Random, dialect: FrameDialect): Uint8Array {
  const builder = new WireBuilder();
  builder.put(random.bytes(dialect.choiceBytes)).put(dialect.preface);
  const from = random.oneIn(16) ? 0 : builder.length;
  if (!random.oneIn(64)) settings(builder, random, random.oneIn(2) ? 0 : random.below(4));
  const peer = new ScriptedPeer(builder, random, dialect);
  for (let frames = random.length(FRAMES_MAX); frames > 0 && !builder.full; frames--) peer.step();
  const bytes = builder.finish();
  return random.oneIn(2) ? bytes : mutate(random, bytes, [bytes], from);
}

function settings(builder: WireBuilder, random: Random, count: number): void {
  builder.frame(Type.SETTINGS, 0, 0, () => {
    for (let i = 0; i < count; i++) {
      builder.byte(0).byte(random.pick(SETTING_IDS));
      builder.uint32(random.oneIn(6) ? random.edge() : random.pick(SETTING_VALUES));
    }
  });
}

/** One side of a stream, as far as its peer has sent it. */
interface SendingStream {
  readonly id: number;
  headSent: boolean;
  body: Uint8Array;
}

/** Adds one step after the other of a peer's side of a connection. */
class ScriptedPeer {
  readonly #builder: WireBuilder;
  readonly #random: Random;
  readonly #dialect: FrameDialect;
  readonly #streams: SendingStream[] = [];
  #nextId = 1;

  constructor(builder: WireBuilder, random: Random, dialect: FrameDialect) {
    this.#builder = builder;
    this.#random = random;
    this.#dialect = dialect;
    for (let i = 0; i < dialect.streams; i++) this.#open();
  }

  step(): void {
    const random = this.#random;
    const choice = random.below(32);
    if (choice < 8 && this.#dialect.streams === 0) this.#head(this.#open());
    else if (choice < 24) this.#advance();
    else if (choice < 26) this.#windowUpdate();
    else if (choice < 27) this.#reset();
    else if (choice < 28) settings(this.#builder, random, random.below(3));
    else this.#aside();
  }

  #open(): SendingStream {
    const stream = { id: this.#nextId, headSent: false, body: EMPTY };
    this.#nextId += 2;
    this.#streams.push(stream);
    return stream;
  }

  /** The next part of a stream: its head, a piece of its body, its end. */
  #advance(): void {
    if (this.#streams.length === 0) return;
    const at = this.#random.below(this.#streams.length);
    const stream = this.#streams[at];
    if (!stream.headSent) return this.#head(stream);
    const rest = stream.body;
    const count = this.#random.oneIn(3)
      ? rest.length
      : Math.min(rest.length, this.#random.length(16_384));
    stream.body = rest.subarray(count);
    const last = stream.body.length === 0 && !this.#random.oneIn(4);
    const withTrailers = last && this.#random.oneIn(2);
    this.#data(stream.id, rest.subarray(0, count), last && !withTrailers);
    if (withTrailers) this.#section(stream.id, this.#random.pick(this.#dialect.trailers), true);
    if (last && !this.#random.oneIn(16)) this.#streams.splice(at, 1);
  }

  #head(stream: SendingStream): void {
    const random = this.#random;
    stream.headSent = !random.oneIn(16);
    if (!random.oneIn(8)) stream.body = this.#dialect.body(random);
    const end = stream.body.length === 0 && random.oneIn(2);
    const { heads, largeHead } = this.#dialect;
    this.#section(stream.id, random.oneIn(100) ? largeHead : random.pick(heads), end);
  }

  #data(id: number, body: Uint8Array, end: boolean): void {
    const padding = this.#random.oneIn(8) ? this.#random.below(256) : undefined;
    const flags = (end ? END_STREAM : 0) | (padding === undefined ? 0 : PADDED);
    this.#builder.frame(Type.DATA, flags, id, () => this.#padded(body, padding), this.#lengthOff());
  }

  #section(id: number, fields: HeaderList, end: boolean): void {
    const random = this.#random;
    const builder = this.#builder;
    const block = builder.block(random.oneIn(8) ? changed(random, fields) : fields);
    const cut = random.oneIn(8) ? random.below(block.length + 1) : block.length;
    const whole = cut === block.length && !random.oneIn(16);
    const padding = random.oneIn(16) ? random.below(40) : undefined;
    const hasPriority = random.oneIn(16);
    const flags = (end ? END_STREAM : 0) | (whole ? END_HEADERS : 0) |
      (padding === undefined ? 0 : PADDED) | (hasPriority ? PRIORITY : 0);
    builder.frame(Type.HEADERS, flags, id, () => {
      if (padding !== undefined) builder.byte(padding);
      if (hasPriority) builder.put(random.bytes(5));
      builder.put(block.subarray(0, cut)).put(ZEROS.subarray(0, padding ?? 0));
    }, this.#lengthOff());
    if (whole) return;
    for (let parts = random.length(8); parts > 0; parts--) {
      builder.frame(Type.CONTINUATION, 0, id, () => {});
    }
    const last = random.oneIn(16) ? 0 : END_HEADERS;
    builder.frame(Type.CONTINUATION, last, id, () => builder.put(block.subarray(cut)));
  }

  #padded(payload: Uint8Array, padding: number | undefined): void {
    if (padding !== undefined) this.#builder.byte(padding);
    this.#builder.put(payload);
    this.#builder.put(ZEROS.subarray(0, padding ?? 0));
  }

  #windowUpdate(): void {
    const random = this.#random;
    const increment = random.oneIn(6) ? random.edge() : 1 + random.length(100_000);
    const id = random.oneIn(2) ? 0 : this.#anyId();
    this.#builder.frame(Type.WINDOW_UPDATE, 0, id, () => this.#builder.uint32(increment));
  }

  #reset(): void {
    const code = this.#random.oneIn(8) ? this.#random.edge() : this.#random.below(14);
    const id = this.#anyId();
    this.#builder.frame(Type.RST_STREAM, 0, id, () => this.#builder.uint32(code));
  }

  /** What has to do with no message. */
  #aside(): void {
    const random = this.#random;
    const builder = this.#builder;
    switch (random.below(8)) {
      case 0:
      case 1:
        builder.frame(Type.PING, random.oneIn(3) ? ACK : 0, 0, () => builder.put(random.bytes(8)));
        return;
      case 2:
        builder.frame(Type.SETTINGS, ACK, 0, () => {});
        return;
      case 3:
        builder.frame(Type.PRIORITY, 0, this.#anyId(), () => builder.put(random.bytes(5)));
        return;
      case 4:
        if (random.oneIn(3)) this.#goaway();
        return;
      case 5: // Of a type that nobody knows.
        builder.frame(10 + random.below(246), random.below(256), random.edge(), () => {
          builder.put(random.bytes(random.length(100)));
        });
        return;
      case 6: // Anything at all, on a stream that may be there.
        builder.frame(random.below(10), random.below(256), this.#anyId(), () => {
          builder.put(random.bytes(random.length(32)));
        });
        return;
      default:
        this.#data(this.#anyId(), random.bytes(random.length(64)), random.oneIn(4));
    }
  }

  #goaway(): void {
    const random = this.#random;
    this.#builder.frame(Type.GOAWAY, 0, 0, () => {
      this.#builder.uint32(random.edge()).uint32(random.below(14));
      this.#builder.put(random.bytes(random.length(300)));
    });
  }

  #anyId(): number {
    return this.#random.oneIn(8) ? this.#random.edge() : this.#random.below(this.#nextId + 3);
  }

  #lengthOff(): number {
    return this.#random.oneIn(128) ? this.#random.below(20) - 10 : 0;
  }
}

/** The list with a field lost, doubled, moved to the end, or with another value. */
function changed(random: Random, fields: HeaderList): HeaderList {
  const list = [...fields];
  if (list.length === 0) return list;
  const at = random.below(list.length);
  const [field] = list.splice(at, 1);
  switch (random.below(5)) {
    case 0:
      return list;
    case 1:
      return [...list, field];
    case 2:
      return [field, ...list, field];
    case 3:
      return [...list, new HeaderField(field.name, `${field.value}${random.pick(TAILS)}`)];
    default:
      return [...list, new HeaderField(`${field.name}${random.pick(TAILS)}`, field.value)];
  }
}

const TAILS = [
  "",
  "x",
  " ",
  "A",
  "\0",
  "\u00ff",
  ",",
  ":",
  "-bin",
  "9",
  "x".repeat(3_000),
] as const;
