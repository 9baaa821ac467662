import assert from "node:assert/strict";
import { type Channel, openChannel } from "../../lib/grpc/channel.ts";
import { echo, type Note } from "../grpc/test_server.ts";
import { data, headers, join, PREFACE, reset, settings } from "../http2/wire.ts";
import { attackTest, type Battle, CHURN_BYTES, pause } from "./attack.ts";
import type { Attacker } from "./attacker.ts";
import { ENDS, HANG } from "./echo_texts.ts";
import {
  call,
  callBlock,
  concat,
  ECHO_UNARY,
  note,
  onStreams,
  PREDICT,
  PREDICT_MESSAGE,
} from "./requests.ts";
import { echoServer } from "./victim.ts";

const HEAD = callBlock(PREDICT);
const CALL = call(1, HEAD, PREDICT_MESSAGE);
const GREETING = join(PREFACE, settings());
const CANCEL = 8;

/** Where a client ends its side, and how its call and its connection end. */
const HALF_CLOSES: readonly (readonly [string, Uint8Array, string, string])[] = [
  ["at once", new Uint8Array(0), "end", "end"],
  ["inside its preface", GREETING.subarray(0, 10), "end", "end"],
  ["before its first call", GREETING, "end", "end"],
  ["inside the head of a frame", concat([GREETING, CALL.subarray(0, 4)]), "end", "end"],
  ["inside HEADERS", concat([GREETING, CALL.subarray(0, 40)]), "end", "end"],
  ["inside DATA", concat([GREETING, CALL.subarray(0, CALL.length - 3)]), "end", "end"],
  [
    "inside a message",
    concat([
      GREETING,
      headers(1, HEAD),
      data(1, PREDICT_MESSAGE.subarray(0, 9)),
    ]),
    "end",
    "end",
  ],
  ["behind its call", concat([GREETING, CALL]), "status 0", "end"],
];

attackTest(
  "A client that ends its side is answered what it has asked, and let go",
  { allowanceBytes: CHURN_BYTES },
  async (battle) => {
    for (const [where, bytes, answer, end] of HALF_CLOSES) {
      await half(battle, bytes, async (attacker) => {
        assert.equal(await attacker.answer(1), answer, where);
        assert.equal(await attacker.verdict(), end, where);
      });
    }
    await battle.storm(async (attacker) => {
      const [, bytes] = HALF_CLOSES[Math.floor(Math.random() * HALF_CLOSES.length)];
      await attacker.send(bytes);
      await attacker.closeWrite();
      await attacker.verdict();
    }, { greeting: new Uint8Array(0) });
  },
);

async function half(
  battle: Battle,
  bytes: Uint8Array,
  check: (attacker: Attacker) => Promise<void>,
): Promise<void> {
  const attacker = await battle.connect({ greeting: bytes });
  await attacker.closeWrite();
  await check(attacker);
}

attackTest(
  "Clients that reset their connections, inside a frame or behind one, are let go",
  { allowanceBytes: CHURN_BYTES },
  async (battle) => {
    let resets = 0;
    await battle.storm(async (attacker) => {
      // What was not read when the connection is closed makes the close a reset.
      await attacker.send(CALL, CALL.subarray(0, resets % CALL.length));
      attacker.close();
      resets++;
    }, { reads: false });
    assert.ok(resets > 0);
  },
);

/** How a client whose call runs can leave. */
const LEAVES: readonly (readonly [string, boolean, (attacker: Attacker) => unknown])[] = [
  [
    "resets its streams",
    true,
    (attacker) =>
      attacker.send(concat(Array.from({ length: 10 }, (_, i) => reset(2 * i + 1, CANCEL)))),
  ],
  ["ends its side", true, (attacker) => attacker.closeWrite()],
  ["closes its connection", true, (attacker) => attacker.close()],
  ["resets its connection", false, (attacker) => attacker.close()],
];

attackTest(
  "A client that vanishes while its calls run cancels them",
  { server: echoServer() },
  async (battle) => {
    const channel = openChannel({ hostname: "127.0.0.1", port: battle.victim.port });
    try {
      let calls = 0;
      for (const [how, reads, leave] of LEAVES) {
        const attacker = await battle.connect({ reads });
        const block = callBlock(ECHO_UNARY);
        await attacker.send(onStreams(attacker, 10, (id) => call(id, block, note(HANG))));
        calls += 10;
        await told(channel, ({ count = 0 }) => count >= calls);
        await leave(attacker);
        const { text } = await told(channel, ({ text }) => text?.split(" ").length === calls);
        assert.equal(text, Array(calls).fill("CANCELLED").join(" "), how);
      }
    } finally {
      channel.close();
    }
  },
);

/** What the server tells of the calls that wait, once it is as expected, or after a while. */
async function told(channel: Channel, expected: (note: Note) => boolean): Promise<Note> {
  const PATIENCE_MS = 5_000;
  const startMs = performance.now();
  for (;;) {
    const answer = await channel.unary(echo.unary, { text: ENDS });
    if (expected(answer) || performance.now() - startMs > PATIENCE_MS) return answer;
    await pause(10);
  }
}
