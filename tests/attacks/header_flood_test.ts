import assert from "node:assert/strict";
import {
  END_HEADERS,
  END_STREAM,
  headers,
  literalBlock,
  Type,
  windowUpdate,
} from "../http2/wire.ts";
import { attackTest, CHURN_BYTES, HEAP_BYTES, pause } from "./attack.ts";
import type { Attacker } from "./attacker.ts";
import {
  call,
  callBlock,
  concat,
  continuation,
  cycle,
  indexedLiteral,
  NEWEST_ENTRY,
  onStreams,
  openHeaders,
  PREDICT,
  PREDICT_MESSAGE,
  repeat,
} from "./requests.ts";
import { echoServer } from "./victim.ts";

const MIB = 2 ** 20;
const FRAME_BYTES = 16_384;
const INITIAL_WINDOW_SIZE = 4;
const PROTOCOL_ERROR = 1;
const REFUSED_STREAM = 7;
const ENHANCE_YOUR_CALM = 11;

const HEAD = callBlock(PREDICT);

async function flood(attacker: Attacker, frames: Uint8Array): Promise<string> {
  while (await attacker.send(frames));
  return await attacker.verdict();
}

/** Headers that go on and on, in what they are cut into. */
const ENDLESS: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["full frames", continuation(1, FRAME_BYTES), /^GOAWAY 11 header block of \d+ bytes in 2 frames/],
  ["frames of one octet", repeat(continuation(1, 1), 1_000), /^GOAWAY 11 header block .* in 34 /],
  ["empty frames", repeat(continuation(1, 0), 1_000), /^GOAWAY 11 header block of 1 bytes in 34 /],
];

attackTest("Headers without end (CVE-2024-27316)", {
  allowanceBytes: CHURN_BYTES,
}, async (battle) => {
  const next = cycle(ENDLESS);
  await battle.storm(async (attacker) => {
    const [what, frames, expected] = next();
    await attacker.send(openHeaders(1, 1));
    const verdict = await flood(attacker, frames);
    assert.match(verdict, expected, what);
  }, { untilCut: true });
});

attackTest(
  "Headers that are never ended are cut off, however slowly they go on",
  { server: echoServer({ times: { stalledMs: 600 }, roundMs: 100 }) },
  async (battle) => {
    const silent = await Promise.all(Array.from({ length: 50 }, () => battle.connect()));
    for (const attacker of silent) await attacker.send(openHeaders(1, 1));
    const drip = await battle.connect();
    await drip.send(openHeaders(1, 1));
    while (await drip.send(continuation(1, 1))) await pause(100);
    for (const attacker of [...silent, drip]) {
      assert.equal(
        await attacker.verdict(),
        "GOAWAY 11 a frame or header block was left unfinished",
      );
    }
  },
);

attackTest(
  "A block of references to one large entry is refused, and too many of them too many",
  {},
  async (battle) => {
    await battle.storm(async (attacker) => {
      const plant = concat([HEAD, indexedLiteral("a", "x".repeat(4_000))]);
      const bomb = new Uint8Array(FRAME_BYTES).fill(NEWEST_ENTRY);
      await attacker.send(
        headers(attacker.takeId(), plant, END_HEADERS | END_STREAM),
      );
      while (
        await attacker.send(
          onStreams(attacker, 4, (id) => headers(id, bomb, END_HEADERS | END_STREAM)),
        )
      );
      assert.match(
        await attacker.verdict(),
        /^GOAWAY 11 too many frames for nothing: (header lists over the limit|streams that)/,
      );
      assert.deepEqual([...attacker.resets.keys()], [ENHANCE_YOUR_CALM]);
    }, { untilCut: true });
  },
);

attackTest(
  "Lists as long as may be, of one-octet references, cost what calls cost",
  {},
  async (battle) => {
    await battle.storm(async (attacker) => {
      const long = new Uint8Array(400).fill(NEWEST_ENTRY);
      await attacker.send(windowUpdate(0, 0x7fff_0000));
      const block = concat([HEAD, long]);
      await attacker.send(
        headers(
          attacker.takeId(),
          concat([HEAD, indexedLiteral("a", "")]),
          END_HEADERS | END_STREAM,
        ),
      );
      while (
        await attacker.send(
          onStreams(attacker, 50, (id) => call(id, block, PREDICT_MESSAGE)),
        )
      );
      assert.equal(attacker.ended, undefined);
    });
  },
);

/** A connection that holds all it can: 100 calls of a list of 400 references, and their answers. */
const HELD_CONNECTION_BYTES = 2 * MIB;

attackTest(
  "Calls with long lists pile up behind a closed window, up to the limit of streams",
  { allowanceBytes: HEAP_BYTES + 20 * HELD_CONNECTION_BYTES },
  async (battle) => {
    const attackers = await Promise.all(
      Array.from({ length: 20 }, () => battle.connect({ settings: [[INITIAL_WINDOW_SIZE, 0]] })),
    );
    const block = concat([HEAD, new Uint8Array(400).fill(NEWEST_ENTRY)]);
    for (const attacker of attackers) {
      const plant = concat([HEAD, indexedLiteral("a", "")]);
      await attacker.send(headers(attacker.takeId(), plant, END_HEADERS | END_STREAM));
      await attacker.send(
        onStreams(attacker, 110, (id) => call(id, block, PREDICT_MESSAGE)),
      );
    }
    for (const attacker of attackers) {
      await attacker.seen(Type.RST_STREAM, 10);
      assert.deepEqual([...attacker.resets.keys()], [REFUSED_STREAM]);
      assert.equal(attacker.ended, undefined);
    }
  },
);

attackTest(
  "Fields without a name or a value end streams, and too many the connection (CVE-2019-9516)",
  {},
  async (battle) => {
    const nothing = concat([HEAD, repeat(literalBlock([["", ""]]), 100)]);
    await battle.storm(async (attacker) => {
      while (await attacker.send(onStreams(attacker, 50, (id) => headers(id, nothing))));
      assert.match(
        await attacker.verdict(),
        /^GOAWAY 11 too many frames for nothing: streams that/,
      );
      assert.deepEqual([...attacker.resets.keys()], [PROTOCOL_ERROR]);
    }, { untilCut: true });
  },
);

attackTest(
  "A table that is filled anew in each block costs what calls cost",
  {},
  async (battle) => {
    await battle.storm(async (attacker) => {
      await attacker.send(windowUpdate(0, 0x7fff_0000));
      const churn = concat([
        HEAD,
        ...Array.from({ length: 100 }, (_, i) => indexedLiteral(`k${i}`, `v${i}`)),
      ]);
      while (
        await attacker.send(onStreams(attacker, 40, (id) => call(id, churn, PREDICT_MESSAGE)))
      );
      assert.equal(attacker.ended, undefined);
    });
  },
);
