import assert from "node:assert/strict";
import { data, END_STREAM, headers, join, PREFACE, settings, Type } from "../http2/wire.ts";
import { attackTest, CHURN_BYTES, HEAP_BYTES, pause } from "./attack.ts";
import { call, callBlock, concat, PREDICT, PREDICT_MESSAGE } from "./requests.ts";
import { echoServer } from "./victim.ts";

const KIB = 1_024;
const CANCEL = 8;
const HEAD = callBlock(PREDICT);
const GREETING = join(PREFACE, settings());

attackTest(
  "Connections without a preface, or with one that never ends, are closed",
  { server: echoServer({ times: { prefaceMs: 700 }, roundMs: 100 }) },
  async (battle) => {
    const greetings = [
      new Uint8Array(0),
      PREFACE.subarray(0, 5),
      PREFACE,
      GREETING.subarray(0, GREETING.length - 1),
    ];
    const mute = await Promise.all(
      Array.from({ length: 200 }, (_, i) => battle.connect({ greeting: greetings[i % 4] })),
    );
    const drip = await battle.connect({ greeting: new Uint8Array(0) });
    for (let at = 0; await drip.send(PREFACE.subarray(at % 23, at % 23 + 1)); at++) {
      await pause(100);
    }
    for (const attacker of [...mute, drip]) assert.match(await attacker.verdict(), /^(end|reset)$/);
  },
);

attackTest("What speaks no HTTP/2 is told so at its first wrong octet", {
  attackMs: 700,
  allowanceBytes: CHURN_BYTES,
}, async (battle) => {
  const greeting = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  await battle.storm(async (attacker) => {
    assert.equal(
      await attacker.verdict(),
      "GOAWAY 1 connection does not start with the HTTP/2 client preface",
    );
  }, { greeting });
});

attackTest(
  "A slow writer's call is answered, an octet at a time beside all others",
  {},
  async (battle) => {
    const slow = await battle.connect({ greeting: new Uint8Array(0) });
    const bytes = concat([GREETING, call(1, HEAD, PREDICT_MESSAGE)]);
    for (const octet of bytes) {
      await slow.send(Uint8Array.of(octet));
      await pause(5);
    }
    assert.equal(await slow.answer(1), "status 0");
    assert.equal(slow.ended, undefined);
  },
);

attackTest(
  "A slow writer's frame that makes no progress in time is cut off",
  { server: echoServer({ times: { stalledMs: 700 }, roundMs: 100 }) },
  async (battle) => {
    const slow = await battle.connect();
    const frame = data(1, 16_384);
    await slow.send(headers(1, HEAD));
    for (let at = 0; await slow.send(frame.subarray(at, at + 1)); at++) await pause(20);
    assert.equal(await slow.verdict(), "GOAWAY 11 a frame or header block was left unfinished");
  },
);

/** A message that says 65 536 octets, and brings one of them. */
const UNFINISHED = Uint8Array.of(0, 0, 1, 0, 0, 7);
const HOLDERS = 50;
const STREAMS = 100;

/** A stream, its call, and the beginning of its message. */
const UNFINISHED_STREAM_BYTES = 6 * KIB;

attackTest(
  "Calls that are begun and never finished hold little, and are cut off",
  {
    server: echoServer({ times: { stalledMs: 700 }, roundMs: 100 }),
    allowanceBytes: HEAP_BYTES + HOLDERS * STREAMS * UNFINISHED_STREAM_BYTES,
  },
  async (battle) => {
    const attackers = await Promise.all(
      Array.from({ length: HOLDERS }, () => battle.connect()),
    );
    for (const attacker of attackers) {
      const frames: Uint8Array[] = [];
      for (let i = 0; i < STREAMS; i++) {
        const id = attacker.takeId();
        frames.push(headers(id, HEAD), data(id, UNFINISHED));
      }
      await attacker.send(concat(frames));
    }
    for (const attacker of attackers) {
      await attacker.seen(Type.RST_STREAM, STREAMS);
      assert.deepEqual([...attacker.resets], [[CANCEL, STREAMS]]);
      assert.equal(attacker.ended, undefined);
      // The connection is of use as before.
      const id = attacker.takeId();
      attacker.send(call(id, HEAD, PREDICT_MESSAGE));
      assert.equal(await attacker.answer(id), "status 0");
    }
  },
);

attackTest(
  "Connections come and go by the thousand",
  { allowanceBytes: CHURN_BYTES },
  async (battle) => {
    const attacks = await battle.storm(async (attacker) => {
      await attacker.send(
        headers(1, HEAD),
        data(1, PREDICT_MESSAGE, END_STREAM),
      );
    }, { parallel: 8 });
    assert.ok(attacks > 50);
  },
);
