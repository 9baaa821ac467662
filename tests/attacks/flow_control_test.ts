import assert from "node:assert/strict";
import { data, headers, settings, Type, windowUpdate } from "../http2/wire.ts";
import { attackTest, CHURN_BYTES, HEAP_BYTES, pause } from "./attack.ts";
import { ANSWER_BYTES, LARGE } from "./echo_texts.ts";
import {
  call,
  callBlock,
  concat,
  cycle,
  ECHO_CHAT,
  ECHO_EXPAND,
  ECHO_UNARY,
  message,
  note,
  onStreams,
  PREDICT,
  PREDICT_MESSAGE,
} from "./requests.ts";
import { echoServer } from "./victim.ts";

const MIB = 2 ** 20;
const INITIAL_WINDOW_SIZE = 4;
const FLOW_CONTROL_ERROR = 3;
const STREAMS = 100;
const WINDOW_MAX = 0x7fff_ffff;
const WINDOW_DEFAULT = 65_535;
const LARGE_NOTE = note(LARGE);
const UNARY = callBlock(ECHO_UNARY);
const EXPAND = callBlock(ECHO_EXPAND);
const PREDICT_BLOCK = callBlock(PREDICT);

/** Each of a connection's calls holds its answer. */
const ANSWERS_BYTES = STREAMS * ANSWER_BYTES;

attackTest(
  "Data in dribs and drabs, by windows of one octet, is too much soon (CVE-2019-9511)",
  { server: echoServer(), allowanceBytes: CHURN_BYTES + 4 * ANSWERS_BYTES },
  async (battle) => {
    await battle.storm(async (attacker) => {
      await attacker.send(windowUpdate(0, WINDOW_MAX - WINDOW_DEFAULT));
      const ids = Array.from({ length: STREAMS }, () => attacker.takeId());
      await attacker.send(...ids.map((id) => call(id, UNARY, LARGE_NOTE)));
      const dribs = concat(ids.map((id) => windowUpdate(id, 1)));
      while (await attacker.send(dribs));
      assert.equal(
        await attacker.verdict(),
        "GOAWAY 11 too many frames for nothing: WINDOW_UPDATE",
      );
    }, { settings: [[INITIAL_WINDOW_SIZE, 0]], untilCut: true });
  },
);

attackTest(
  "… by SETTINGS, each of which opens a hundred windows by one octet, as well",
  { server: echoServer(), allowanceBytes: CHURN_BYTES + 4 * ANSWERS_BYTES },
  async (battle) => {
    await battle.storm(async (attacker) => {
      await attacker.send(windowUpdate(0, WINDOW_MAX - WINDOW_DEFAULT));
      await attacker.send(onStreams(attacker, STREAMS, (id) => call(id, UNARY, LARGE_NOTE)));
      for (let bytes = 1; await attacker.send(settings([INITIAL_WINDOW_SIZE, bytes])); bytes++);
      assert.equal(await attacker.verdict(), "GOAWAY 11 too many frames for nothing: SETTINGS");
    }, { settings: [[INITIAL_WINDOW_SIZE, 0]], untilCut: true });
  },
);

/** An answer stands in its stream's queue; two more copies of it, made on its way there, are garbage. */
const COPIES = 3;

/** Output that waits for a peer: at most twice OUTPUT_BYTES_MAX of lib/limits.ts, in buffers that double. */
const OUTPUT_BYTES = 2 * MIB;
const DEAF = 20;

attackTest(
  "Windows are open but nobody reads: each connection holds its output and its calls (CVE-2019-9517)",
  {
    server: echoServer(),
    allowanceBytes: HEAP_BYTES + DEAF * (OUTPUT_BYTES + COPIES * ANSWERS_BYTES),
  },
  async (battle) => {
    await Promise.all(Array.from({ length: DEAF }, async () => {
      const attacker = await battle.connect({
        settings: [[INITIAL_WINDOW_SIZE, WINDOW_MAX]],
        reads: false,
      });
      await attacker.send(windowUpdate(0, WINDOW_MAX - WINDOW_DEFAULT));
      while (
        await attacker.send(
          onStreams(attacker, STREAMS, (id) => call(id, EXPAND, note(LARGE, 100))),
        )
      );
      assert.equal(attacker.ended, undefined);
    }));
  },
);

attackTest(
  "Calls go on but nobody reads: the server stops reading too (CVE-2019-9517)",
  { allowanceBytes: HEAP_BYTES + DEAF * OUTPUT_BYTES },
  async (battle) => {
    let sent = 0;
    await Promise.all(Array.from({ length: DEAF }, async () => {
      const attacker = await battle.connect({
        settings: [[INITIAL_WINDOW_SIZE, WINDOW_MAX]],
        reads: false,
      });
      await attacker.send(windowUpdate(0, WINDOW_MAX - WINDOW_DEFAULT));
      const send = () =>
        attacker.send(
          onStreams(attacker, STREAMS, (id) => call(id, PREDICT_BLOCK, PREDICT_MESSAGE)),
        );
      while (await send()) sent += STREAMS;
    }));
    assert.ok(sent > 0);
  },
);

attackTest(
  "A peer that takes no output, or none of its data, is cut off",
  {
    server: echoServer({ times: { stalledMs: 700, heldBackMs: 700 }, roundMs: 100 }),
    allowanceBytes: HEAP_BYTES + OUTPUT_BYTES + 2 * COPIES * ANSWERS_BYTES,
  },
  async (battle) => {
    const deaf = await battle.connect({
      settings: [[INITIAL_WINDOW_SIZE, WINDOW_MAX]],
      reads: false,
    });
    await deaf.send(windowUpdate(0, WINDOW_MAX - WINDOW_DEFAULT));
    await deaf.send(
      onStreams(deaf, STREAMS, (id) => call(id, EXPAND, note(LARGE, 100))),
    );
    const shut = await battle.connect({ settings: [[INITIAL_WINDOW_SIZE, 0]] });
    await shut.send(onStreams(shut, STREAMS, (id) => call(id, UNARY, LARGE_NOTE)));
    assert.equal(
      await shut.verdict(),
      "GOAWAY 11 flow control holds data back for too long",
    );
    await battle.over;
    deaf.read();
    // What the kernel had taken of the output comes before the end, in the middle of a frame.
    assert.match(await deaf.verdict(), /^(end|reset)$/);
    assert.ok(deaf.dataBytes < STREAMS * ANSWER_BYTES * 100);
  },
);

/** STREAM_WINDOW_BYTES of lib/limits.ts: what a stream holds that nobody reads, in a buffer that doubles. */
const STREAM_WINDOW_BYTES = 262_144;
const FRAME_BYTES = 16_384;

attackTest(
  "Streams that their handler does not read hold a window each, and no more",
  { server: echoServer(), allowanceBytes: HEAP_BYTES + 2 * 2 * STREAMS * STREAM_WINDOW_BYTES },
  async (battle) => {
    const chat = callBlock(ECHO_CHAT);
    const begin = concat([note("unread"), message(new Uint8Array(1), 1_000_000)]);
    const part = new Uint8Array(FRAME_BYTES);
    await Promise.all(Array.from({ length: 2 }, async () => {
      const attacker = await battle.connect();
      const ids = Array.from({ length: STREAMS }, () => attacker.takeId());
      // The first message waits to be read: from then on there is no credit for what comes behind it.
      for (const id of ids) await attacker.send(headers(id, chat), data(id, begin));
      for (let sent = FRAME_BYTES; sent < STREAM_WINDOW_BYTES; sent += FRAME_BYTES) {
        await attacker.send(concat(ids.map((id) => data(id, part))));
      }
      await attacker.send(concat(ids.map((id) => data(id, part))));
      await attacker.seen(Type.RST_STREAM, STREAMS);
      assert.deepEqual([...attacker.resets], [[FLOW_CONTROL_ERROR, STREAMS]]);
      assert.equal(attacker.ended, undefined);
    }));
  },
);

attackTest(
  "A slow reader is served at its own pace, beside all others",
  { server: echoServer({ times: { heldBackMs: 700 }, roundMs: 100 }) },
  async (battle) => {
    const slow = await battle.connect({ settings: [[INITIAL_WINDOW_SIZE, 0]] });
    const id = slow.takeId();
    await slow.send(call(id, UNARY, LARGE_NOTE));
    let given = 0;
    while (await slow.send(windowUpdate(id, 1))) {
      given++;
      await pause(20);
    }
    await slow.seen(Type.DATA, given);
    assert.equal(slow.dataBytes, given);
    assert.equal(slow.ended, undefined);
  },
);

/** What takes a window past 2^31-1 octets, on a connection that has two calls with closed windows. */
const OVERFLOWS: readonly (readonly [string, (id: number) => Uint8Array, string])[] = [
  [
    "WINDOW_UPDATE of the connection",
    () => windowUpdate(0, WINDOW_MAX),
    "GOAWAY 3 flow-control window of 2147549182 bytes, at most 2147483647 allowed",
  ],
  [
    "INITIAL_WINDOW_SIZE",
    () => settings([INITIAL_WINDOW_SIZE, 0x8000_0000]),
    "GOAWAY 3 INITIAL_WINDOW_SIZE 2147483648, need at most 2147483647",
  ],
  [
    "INITIAL_WINDOW_SIZE on top of a WINDOW_UPDATE",
    (id) =>
      concat([
        windowUpdate(id, WINDOW_MAX - ANSWER_BYTES),
        settings([INITIAL_WINDOW_SIZE, WINDOW_MAX]),
      ]),
    "GOAWAY 3 INITIAL_WINDOW_SIZE takes a stream's window past 2^31-1",
  ],
];

attackTest(
  "A window past 2^31-1 ends the connection",
  { server: echoServer(), attackMs: 1_000, allowanceBytes: CHURN_BYTES },
  async (battle) => {
    const next = cycle(OVERFLOWS);
    await battle.storm(async (attacker) => {
      const [what, overflow, expected] = next();
      const [one, other] = [attacker.takeId(), attacker.takeId()];
      await attacker.send(call(one, UNARY, LARGE_NOTE), call(other, UNARY, LARGE_NOTE));
      await attacker.send(overflow(other));
      assert.equal(await attacker.verdict(), expected, what);
    }, { settings: [[INITIAL_WINDOW_SIZE, 0]] });
  },
);

attackTest(
  "A stream's window past 2^31-1 ends the stream alone",
  { server: echoServer(), attackMs: 1_000, allowanceBytes: CHURN_BYTES },
  async (battle) => {
    await battle.storm(async (attacker) => {
      const [one, other] = [attacker.takeId(), attacker.takeId()];
      // The other's answer waits for the connection's window, so that its own is not used up.
      await attacker.send(call(one, UNARY, LARGE_NOTE), call(other, UNARY, LARGE_NOTE));
      await attacker.send(windowUpdate(other, WINDOW_MAX));
      assert.equal(await attacker.answer(other), `RST_STREAM ${FLOW_CONTROL_ERROR}`);
      assert.equal(attacker.ended, undefined);
    }, { settings: [[INITIAL_WINDOW_SIZE, 1_000_000]] });
  },
);
