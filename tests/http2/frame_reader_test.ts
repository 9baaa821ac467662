import assert from "node:assert/strict";
import { FrameReader } from "../../lib/http2/frame_reader.ts";
import { TURN_BYTES_MAX, TURN_FRAMES_MAX } from "../../lib/limits.ts";
import { data, frame, Type } from "./wire.ts";
import { WiredServer } from "./wired_server.ts";

const IDLE_BYTES = 1_024;
const FULL_BYTES = 65_536;

/** A source of frames of 100 bytes each, which notes how much it was asked for. */
class FrameSource {
  readonly asked: number[] = [];
  /** The most bytes of the next read. */
  readBytesMax = Infinity;
  #at = 0;

  read(into: Uint8Array): Promise<number> {
    this.asked.push(into.length);
    const count = Math.min(into.length, this.readBytesMax);
    // The third byte of each frame is its length, all other ones are 0.
    for (let i = 0; i < count; i++) into[i] = this.#at++ % 100 === 2 ? 91 : 0;
    return Promise.resolve(count);
  }
}

async function readOnce(reader: FrameReader): Promise<number> {
  let frames = 0;
  const sink = {
    onFrame: (
      _type: number,
      _flags: number,
      _id: number,
      _: Uint8Array,
      start: number,
      end: number,
    ) => {
      assert.equal(end - start, 91);
      frames++;
    },
  };
  await reader.fill();
  for (let before = -1; before < frames;) {
    before = frames;
    reader.startTurn();
    reader.drain(sink);
  }
  return frames;
}

Deno.test("FrameReader asks for more while reads fill its buffer, also when they cut frames", async () => {
  const source = new FrameSource();
  const reader = new FrameReader(source, { expectPreface: false });
  let frames = 0;
  while (frames * 100 < 3 * FULL_BYTES) frames += await readOnce(reader);
  assert.equal(source.asked[0], IDLE_BYTES);
  assert.ok(source.asked.every((bytes) => bytes <= FULL_BYTES));
  const quick = source.asked.findIndex((bytes) => bytes > FULL_BYTES - 100);
  assert.ok(quick > 0 && quick <= 4, `${source.asked}`);
});

Deno.test("FrameReader shrinks its buffer after a few small reads, not after one", async () => {
  const source = new FrameSource();
  const reader = new FrameReader(source, { expectPreface: false });
  for (let i = 0; i < 8; i++) await readOnce(reader);
  // Up to the end of a frame, so that nothing is left in the buffer.
  source.readBytesMax = 100 - reader.bytesRead % 100;
  await readOnce(reader);
  assert.equal(reader.insideFrame, false);
  source.readBytesMax = 100;
  const asked: number[] = [];
  for (let i = 0; i < 5; i++) {
    await readOnce(reader);
    asked.push(source.asked.at(-1) ?? 0);
  }
  assert.equal(asked[0], FULL_BYTES);
  assert.equal(asked.at(-1), IDLE_BYTES);
  assert.equal(reader.bytesRead % 100, 0);
});

Deno.test("FrameReader keeps its buffer when large reads come in between small ones", async () => {
  const source = new FrameSource();
  const reader = new FrameReader(source, { expectPreface: false });
  for (let i = 0; i < 8; i++) await readOnce(reader);
  source.readBytesMax = 100 - reader.bytesRead % 100;
  for (let i = 0; i < 30; i++) {
    await readOnce(reader);
    assert.equal(source.asked.at(-1) === IDLE_BYTES, false, `read ${i}`);
    source.readBytesMax = i % 3 === 2 ? 5_000 : 100;
  }
});

/** A source that has as many of the same frames as anybody reads. */
function endless(frame: Uint8Array) {
  let at = 0;
  return {
    read: (into: Uint8Array) => {
      for (let i = 0; i < into.length; i++) into[i] = frame[at++ % frame.length];
      return Promise.resolve(into.length);
    },
  };
}

/** Reads until the turn is over; returns the frames that were handled. */
async function turn(reader: FrameReader): Promise<number> {
  let frames = 0;
  const sink = { onFrame: () => frames++ };
  reader.startTurn();
  reader.drain(sink);
  while (!reader.turnOver) {
    await reader.fill();
    reader.drain(sink);
  }
  return frames;
}

Deno.test("FrameReader ends a turn after so many frames, and goes on with the rest", async () => {
  const reader = new FrameReader(endless(frame(Type.PING, 0, 0, 8)), { expectPreface: false });
  for (let i = 0; i < 100; i++) assert.equal(await turn(reader), TURN_FRAMES_MAX);
});

Deno.test("FrameReader ends a turn after so many bytes", async () => {
  const reader = new FrameReader(endless(data(1, 16_384)), { expectPreface: false });
  for (let i = 0; i < 5; i++) {
    const before = reader.bytesRead;
    await turn(reader);
    assert.ok(reader.bytesRead - before >= TURN_BYTES_MAX);
    assert.ok(reader.bytesRead - before < 2 * TURN_BYTES_MAX + 9);
  }
});

Deno.test("a connection handles what came in one read over several turns", async () => {
  await using server = new WiredServer();
  await server.greet();
  const pings = Array.from({ length: 3 * TURN_FRAMES_MAX + 1 }, () => frame(Type.PING, 0, 0, 8));
  await server.peer.send(...pings);
  assert.equal(server.peer.pongs().length, pings.length);
});
