import assert from "node:assert/strict";
import { FrameReader } from "../../../lib/http2/frame_reader.ts";
import { Http2Error } from "../../../lib/http2/http2_error.ts";
import { data, frame, join, PREFACE, settings, windowUpdate } from "../../http2/wire.ts";
import { mutant } from "../mutation.ts";
import { cuts, Script } from "../script.ts";
import { describe, type FuzzTarget } from "../target.ts";

const FRAME_BYTES_MAX = 16_384;

/**
 * Bytes of a client, cut as the first byte says: the frames are those that stand there, however
 * they are cut, until the first that is too large.
 */
export const frameReader: FuzzTarget = {
  name: "frame-reader",
  share: 2,
  generate: (random) => mutant(random, SEEDS),
  async run(input) {
    const script = new Script(input);
    const cut = cuts(script.byte());
    const bytes = script.rest();
    assert.equal(await read(bytes, cut), expected(bytes));
  },
};

/** What came of the bytes, as text: a line a frame, and how it ended. */
async function read(bytes: Uint8Array, cut: () => number): Promise<string> {
  let at = 0;
  const source = {
    read(into: Uint8Array) {
      assert.ok(into.length > 0, "a read into no room");
      if (at === bytes.length) return Promise.resolve(null);
      const count = Math.min(into.length, bytes.length - at, cut());
      into.set(bytes.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
  };
  const reader = new FrameReader(source, { expectPreface: true });
  let text = "";
  const sink = {
    onFrame(
      type: number,
      flags: number,
      id: number,
      buffer: Uint8Array,
      start: number,
      end: number,
    ) {
      text += line(type, flags, id, buffer.subarray(start, end));
    },
  };
  try {
    while (await reader.fill()) {
      if (!reader.takePreface()) continue;
      do {
        reader.startTurn();
        reader.drain(sink);
      } while (reader.turnOver);
    }
  } catch (error) {
    if (!(error instanceof Http2Error)) throw new Error(describe(error), { cause: error });
    text += `error ${error.code}`;
  }
  return text;
}

/** The same, read in one go. */
function expected(bytes: Uint8Array): string {
  for (let i = 0; i < PREFACE.length; i++) {
    if (i === bytes.length) return "";
    if (bytes[i] !== PREFACE[i]) return "error 1";
  }
  let text = "";
  for (let at = PREFACE.length; bytes.length - at >= 9;) {
    const length = bytes[at] * 65_536 + bytes[at + 1] * 256 + bytes[at + 2];
    if (length > FRAME_BYTES_MAX) return `${text}error 6`;
    if (bytes.length - at < 9 + length) break;
    const id = (bytes[at + 5] % 128) * 2 ** 24 + bytes[at + 6] * 65_536 + bytes[at + 7] * 256 +
      bytes[at + 8];
    text += line(bytes[at + 3], bytes[at + 4], id, bytes.subarray(at + 9, at + 9 + length));
    at += 9 + length;
  }
  return text;
}

function line(type: number, flags: number, id: number, payload: Uint8Array): string {
  let sum = 0;
  for (let i = 0; i < payload.length; i++) sum = (Math.imul(sum, 31) + payload[i]) | 0;
  return `${type} ${flags} ${id} ${payload.length} ${sum}\n`;
}

const FRAMES = [
  settings([3, 100], [4, 65_535]),
  windowUpdate(0, 1_000),
  frame(1, 5, 1, Uint8Array.of(0x82, 0x84, 0x86)),
  data(1, Uint8Array.of(1, 2, 3)),
  frame(6, 0, 0, 8),
  frame(0x99, 0xff, 0x7fff_ffff, 30),
];

const SEEDS = [
  ...[0, 1, 2, 11, 12].map((cut) => join([cut], PREFACE, ...FRAMES)),
  join([13], PREFACE, settings(), data(1, 6_000), ...FRAMES, data(3, 16_384)),
  join([14], PREFACE, ...Array.from({ length: 40 }, () => frame(6, 0, 0, 8)), data(1, 5_000)),
];
