import assert from "node:assert/strict";
import {
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  literalBlock,
  PRIORITY,
  reset,
  Type,
  windowUpdate,
} from "../http2/wire.ts";
import { attackTest, type Battle, CHURN_BYTES } from "./attack.ts";
import type { Attacker } from "./attacker.ts";
import { HANG } from "./echo_texts.ts";
import {
  call,
  callBlock,
  concat,
  cycle,
  ECHO_UNARY,
  note,
  onStreams,
  PREDICT,
  PREDICT_MESSAGE,
  priority,
} from "./requests.ts";
import { echoServer } from "./victim.ts";

const CANCEL = 8;
const PROTOCOL_ERROR = 1;
const FLOW_CONTROL_ERROR = 3;
const STREAM_CLOSED = 5;
const FRAME_SIZE_ERROR = 6;
const REFUSED_STREAM = 7;
const CALM = /^GOAWAY 11 too many frames for nothing: /;

const predictBlock = callBlock(PREDICT);

/** Sends what `make` gives for stream after stream until the server has had enough. */
async function untilCalm(attacker: Attacker, make: (id: number) => Uint8Array): Promise<void> {
  while (await attacker.send(onStreams(attacker, 200, make)));
}

/** Storms with streams that all cost the server a reset, its peer's or its own. */
async function resetStorm(
  battle: Battle,
  make: (id: number) => Uint8Array,
  check: (attacker: Attacker) => void = () => {},
): Promise<void> {
  const attacks = await battle.storm(async (attacker) => {
    await untilCalm(attacker, make);
    assert.match(await attacker.verdict(), CALM);
    check(attacker);
  }, { untilCut: true });
  assert.ok(attacks > 0);
}

attackTest(
  "Rapid reset: the connection is told to calm down (CVE-2023-44487)",
  {},
  (battle) => resetStorm(battle, (id) => concat([headers(id, predictBlock), reset(id, CANCEL)])),
);

attackTest(
  "Rapid reset of calls whose handlers have begun",
  { server: echoServer() },
  (battle) => {
    const block = callBlock(ECHO_UNARY);
    const body = note(HANG);
    return resetStorm(battle, (id) => concat([call(id, block, body), reset(id, CANCEL)]));
  },
);

attackTest(
  "Resets of calls that were answered before cost what the calls cost, and harm nobody",
  {},
  async (battle) => {
    await battle.storm(async (attacker) => {
      await attacker.send(windowUpdate(0, 0x7fff_0000));
      await untilCalm(
        attacker,
        (id) => concat([call(id, predictBlock, PREDICT_MESSAGE), reset(id, CANCEL)]),
      );
      assert.equal(attacker.ended, undefined);
      assert.deepEqual([...attacker.statuses.keys()], ["0"]);
    });
  },
);

/** Each makes the server reset the stream that it has just begun to serve, with this code. */
const SERVER_RESETS: readonly (readonly [string, number, (id: number) => Uint8Array])[] = [
  [
    "WINDOW_UPDATE by 0",
    PROTOCOL_ERROR,
    (id) => concat([headers(id, predictBlock), windowUpdate(id, 0)]),
  ],
  [
    "WINDOW_UPDATE past 2^31-1",
    FLOW_CONTROL_ERROR,
    (id) => concat([headers(id, predictBlock), windowUpdate(id, 0x7fff_ffff)]),
  ],
  [
    "a stream that depends on itself",
    PROTOCOL_ERROR,
    (id) => concat([headers(id, predictBlock), priority(id, id)]),
  ],
  [
    "PRIORITY of 4 bytes",
    FRAME_SIZE_ERROR,
    (id) => concat([headers(id, predictBlock), frame(Type.PRIORITY, 0, id, 4)]),
  ],
  [
    "a body longer than its content-length",
    PROTOCOL_ERROR,
    (id) => concat([headers(id, callBlock(PREDICT, ["content-length", "1"])), data(id, 2)]),
  ],
  [
    "a body shorter than its content-length",
    PROTOCOL_ERROR,
    (id) =>
      concat([headers(id, callBlock(PREDICT, ["content-length", "9"])), data(id, 2, END_STREAM)]),
  ],
  [
    "trailers that end nothing",
    PROTOCOL_ERROR,
    (id) => concat([headers(id, predictBlock), headers(id, literalBlock([["a", "b"]]))]),
  ],
  ["trailers with a pseudo-header field", PROTOCOL_ERROR, (id) =>
    concat([
      headers(id, predictBlock),
      headers(id, literalBlock([[":path", "/"]]), END_HEADERS | END_STREAM),
    ])],
  [
    "headers with a connection-specific field",
    PROTOCOL_ERROR,
    (id) => headers(id, callBlock(PREDICT, ["connection", "close"])),
  ],
  [
    "headers without :path",
    PROTOCOL_ERROR,
    (id) => headers(id, literalBlock([[":method", "POST"], [":scheme", "http"]])),
  ],
  [
    "a field name in upper case",
    PROTOCOL_ERROR,
    (id) => headers(id, callBlock(PREDICT, ["X-Upper", "1"])),
  ],
];

attackTest(
  "Made you reset: resets of the server's own count as well (CVE-2025-8671)",
  { attackMs: 4_000 },
  async (battle) => {
    const next = cycle(SERVER_RESETS);
    const seen = new Set<string>();
    await battle.storm(async (attacker) => {
      const [what, code, make] = next();
      await untilCalm(attacker, make);
      assert.match(await attacker.verdict(), CALM, what);
      assert.deepEqual([...attacker.resets.keys()], [code], what);
      assert.ok((attacker.resets.get(code) ?? 0) > 400, `${what} has cost few resets`);
      seen.add(what);
    }, { untilCut: true });
    assert.equal(seen.size, SERVER_RESETS.length);
  },
);

attackTest(
  "Made you reset, by DATA after END_STREAM of a call whose handler has begun (CVE-2025-8671)",
  { server: echoServer() },
  (battle) => {
    const block = callBlock(ECHO_UNARY);
    const body = note(HANG);
    return resetStorm(
      battle,
      (id) => concat([call(id, block, body), data(id, 1)]),
      ({ resets }) => assert.deepEqual([...resets.keys()], [STREAM_CLOSED]),
    );
  },
);

attackTest(
  "A stream that depends on itself in its HEADERS ends the connection at once",
  { attackMs: 700, allowanceBytes: CHURN_BYTES },
  async (battle) => {
    const block = concat([Uint8Array.of(0, 0, 0, 1, 0), predictBlock]);
    await battle.storm(async (attacker) => {
      await attacker.send(headers(1, block, END_HEADERS | PRIORITY));
      assert.match(await attacker.verdict(), /^GOAWAY 1 stream 1 depends on itself/);
    });
  },
);

attackTest(
  "Streams beyond the limit are refused, and too many of them too many (CVE-2019-9514)",
  {},
  (battle) => {
    return resetStorm(
      battle,
      (id) => headers(id, predictBlock),
      ({ resets }) => assert.deepEqual([...resets.keys()], [REFUSED_STREAM]),
    );
  },
);
