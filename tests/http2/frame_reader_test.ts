import assert from "node:assert/strict";
import { FrameReader } from "../../lib/http2/frame_reader.ts";
import { TURN_BYTES_MAX, TURN_FRAMES_MAX } from "../../lib/limits.ts";
import { data, frame, Type } from "./wire.ts";
import { WiredServer } from "./wired_server.ts";

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
