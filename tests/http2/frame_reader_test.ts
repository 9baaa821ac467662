import assert from "node:assert/strict";
import { FrameReader } from "../../lib/http2/frame_reader.ts";

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
  await reader.fill();
  reader.drain({
    onFrame: (_type, _flags, _id, _bytes, start, end) => {
      assert.equal(end - start, 91);
      frames++;
    },
  });
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
