import assert from "node:assert/strict";
import {
  ACK,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  literalBlock,
  PADDED,
  settings,
  Type,
  windowUpdate,
} from "../http2/wire.ts";
import { attackTest, CHURN_BYTES } from "./attack.ts";
import {
  callBlock,
  continuation,
  cycle,
  openHeaders,
  ping,
  PREDICT,
  priority,
  repeat,
} from "./requests.ts";

const MAX_FRAME_SIZE = 5;
const UNKNOWN_TYPE = 0x42;
const request = headers(1, callBlock(PREDICT));

/** Frames that cost work and carry nothing, and what the server calls them. */
const FLOODS: readonly (readonly [string, Uint8Array, string])[] = [
  ["PING (CVE-2019-9512)", ping(), "PING"],
  ["PING that answers nothing", frame(Type.PING, ACK, 0, 8), "PING"],
  ["PRIORITY (CVE-2019-9513)", priority(3, 1), "PRIORITY"],
  ["PRIORITY on streams of the future", priority(0x7fff_ffff, 5), "PRIORITY"],
  ["SETTINGS (CVE-2019-9515)", settings(), "SETTINGS"],
  ["long SETTINGS", settings(...Array(2_000).fill([MAX_FRAME_SIZE, 16_384])), "SETTINGS"],
  ["SETTINGS acknowledgements", frame(Type.SETTINGS, ACK, 0), "SETTINGS"],
  ["empty DATA (CVE-2019-9518)", data(1, 0), "empty DATA"],
  ["DATA of padding alone", data(1, Uint8Array.of(3, 0, 0, 0), PADDED), "empty DATA"],
  ["WINDOW_UPDATE of the connection", windowUpdate(0, 1), "WINDOW_UPDATE"],
  ["WINDOW_UPDATE of a stream", windowUpdate(1, 1), "WINDOW_UPDATE"],
  ["GOAWAY", goaway(0, 0, "x".repeat(200)), "GOAWAY"],
  ["frames of an unknown type", frame(UNKNOWN_TYPE, 0, 1, 10), "frames of unknown types"],
];

attackTest(
  "Frames that carry nothing are too many soon (CVE-2019-9512, 9513, 9515, 9518)",
  { attackMs: 3_000, allowanceBytes: CHURN_BYTES },
  async (battle) => {
    const next = cycle(FLOODS.map(([name, flood, called]) => ({
      name,
      frames: repeat(flood, Math.ceil(32_768 / flood.length)),
      verdict: `GOAWAY 11 too many frames for nothing: ${called}`,
    })));
    const seen = new Set<string>();
    await battle.storm(async (attacker) => {
      const { name, frames, verdict } = next();
      await attacker.send(request);
      while (await attacker.send(frames));
      assert.equal(await attacker.verdict(), verdict, name);
      seen.add(name);
    }, { untilCut: true });
    assert.equal(seen.size, FLOODS.length);
  },
);

attackTest(
  "Empty HEADERS open and end nothing, and are too many soon (CVE-2019-9518)",
  { attackMs: 1_000 },
  async (battle) => {
    let id = 1;
    const empty = () => headers(id += 2, new Uint8Array(0), END_HEADERS);
    await battle.storm(async (attacker) => {
      id = -1;
      while (await attacker.send(...Array.from({ length: 20 }, empty)));
      assert.match(
        await attacker.verdict(),
        /^GOAWAY 11 too many frames for nothing: streams that/,
      );
    }, { parallel: 1, untilCut: true });
  },
);

attackTest(
  "Empty trailers and CONTINUATION without an end of the stream (CVE-2019-9518)",
  { attackMs: 1_000 },
  async (battle) => {
    await battle.storm(async (attacker) => {
      const id = attacker.takeId();
      await attacker.send(headers(id, callBlock(PREDICT)));
      await attacker.send(openHeaders(id), continuation(id, 0, END_HEADERS));
      assert.equal(await attacker.answer(id), "RST_STREAM 1");
      // It is a stream that was reset by now, whose peer may not know that yet.
      const trailers = repeat(
        headers(id, literalBlock([["a", "b"]]), END_HEADERS | END_STREAM),
        500,
      );
      while (await attacker.send(trailers));
      assert.equal(
        await attacker.verdict(),
        "GOAWAY 11 too many frames for nothing: HEADERS on streams that were reset",
      );
    }, { untilCut: true });
  },
);
