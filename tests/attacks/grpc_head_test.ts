import assert from "node:assert/strict";
import { attackTest } from "./attack.ts";
import { ANSWER_BYTES, HANG } from "./echo_texts.ts";
import { call, callBlock, ECHO_UNARY, note, PREDICT, PREDICT_MESSAGE } from "./requests.ts";
import { echoServer } from "./victim.ts";

const badTimeout = (value: string) =>
  `status 13 Cannot read grpc-timeout ${JSON.stringify(value)}: ` +
  "need 1 to 8 digits and one of H M S m u n";

/** Values of grpc-timeout, and how a call that is answered at once ends with them. */
const TIMEOUTS: readonly (readonly [string, string])[] = [
  ["99999999H", "status 0"],
  ["99999999S", "status 0"],
  ["0n", "status 0"],
  ["1n", "status 0"],
  ["100000000S", badTimeout("100000000S")],
  ["-1S", badTimeout("-1S")],
  ["1.5S", badTimeout("1.5S")],
  ["1e3S", badTimeout("1e3S")],
  ["", badTimeout("")],
  ["S", badTimeout("S")],
  ["1", badTimeout("1")],
  ["1s", badTimeout("1s")],
  ["x".repeat(8_000), badTimeout("x".repeat(32))],
];

attackTest("Absurd timeouts end their own calls, and no others", {}, async (battle) => {
  const seen = new Set<string>();
  await battle.storm(async (attacker) => {
    for (const [value, expected] of TIMEOUTS) {
      const id = attacker.takeId();
      const block = callBlock(PREDICT, ["grpc-timeout", value]);
      if (!(await attacker.send(call(id, block, PREDICT_MESSAGE)))) return;
      assert.equal(await attacker.answer(id), expected);
      seen.add(value);
    }
  });
  assert.equal(seen.size, TIMEOUTS.length);
});

attackTest(
  "Calls that wait end when their time is over, of none at once",
  { server: echoServer() },
  async (battle) => {
    const timeouts = ["0n", "1n", "999u", "1m", "50m", "99999999H"];
    await battle.storm(async (attacker) => {
      const ids = timeouts.map(() => attacker.takeId());
      const calls = ids.map((id, i) =>
        call(id, callBlock(ECHO_UNARY, ["grpc-timeout", timeouts[i]]), note(HANG))
      );
      if (!(await attacker.send(...calls))) return;
      for (const id of ids.slice(0, -1)) {
        assert.equal(await attacker.answer(id), "status 4 the deadline has passed");
      }
      assert.equal(attacker.statuses.size, 1);
    });
  },
);

/** Values of a -bin key, and how the call ends: `count` is the number of values that were read. */
const BINARIES: readonly (readonly [string, string])[] = [
  ["AAAA", "status 0"],
  ["AA,AAA=,", "status 0"],
  ["*", "status 13 Cannot read metadata x-bin: its value is not base64"],
  ["A", "status 13 Cannot read metadata x-bin: its value is not base64"],
  ["A".repeat(8_001), "status 13 Cannot read metadata x-bin: its value is not base64"],
  [",".repeat(8_000), "status 0"],
];

attackTest(
  "Metadata that is not base64 fails the call that reads it",
  { server: echoServer() },
  async (battle) => {
    const seen = new Set<string>();
    await battle.storm(async (attacker) => {
      for (const [value, expected] of BINARIES) {
        const id = attacker.takeId();
        const block = callBlock(ECHO_UNARY, ["x-bin", value]);
        if (!(await attacker.send(call(id, block, note("x"))))) return;
        assert.equal(await attacker.answer(id), expected);
        seen.add(value);
      }
      assert.ok(attacker.dataBytes < ANSWER_BYTES);
    });
    assert.equal(seen.size, BINARIES.length);
  },
);

attackTest("Metadata that nobody reads is not looked at", { attackMs: 700 }, async (battle) => {
  await battle.storm(async (attacker) => {
    const id = attacker.takeId();
    if (!(await attacker.send(call(id, callBlock(PREDICT, ["x-bin", "*"]), PREDICT_MESSAGE)))) {
      return;
    }
    assert.equal(await attacker.answer(id), "status 0");
  });
});
