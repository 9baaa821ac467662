import assert from "node:assert/strict";
import { data, END_STREAM, headers, Type } from "../http2/wire.ts";
import { attackTest, HEAP_BYTES } from "./attack.ts";
import { callBlock, concat, message, PREDICT, PREDICT_MESSAGE, repeat } from "./requests.ts";

const MIB = 2 ** 20;
const FRAME_BYTES = 16_384;
const HEAD = callBlock(PREDICT);
const INCOMPLETE = "status 13 Cannot read request: an incomplete message, need one";
const UNREADABLE = "status 13 Cannot read request: not a message of the method's type";

/** The tag of a field that nobody knows, 15, with a wire type. */
const tag = (type: number) => 15 << 3 | type;
const bytes = (...octets: number[]) => Uint8Array.from(octets);

/** Messages that lie or break the format, and how they are answered. */
const BODIES: readonly (readonly [string, Uint8Array, string])[] = [
  ["a prefix that promises more", message(bytes(10, 0), 9), INCOMPLETE],
  ["a prefix that promises less", message(bytes(10, 0, 10, 0), 2), INCOMPLETE],
  [
    "a prefix of 4 GiB",
    message(bytes(10, 0), 0xffff_ffff),
    "status 8 Cannot read message: " +
    "4294967295 bytes, at most 4194304 are accepted",
  ],
  ["half a prefix", bytes(0, 0, 0), INCOMPLETE],
  ["no message", bytes(), "status 13 Cannot read request: no message, need one"],
  [
    "two messages",
    repeat(message(bytes()), 2),
    "status 13 Cannot read request: two messages, " +
    "need one",
  ],
  [
    "a compressed flag of 2",
    bytes(2, 0, 0, 0, 0),
    "status 13 Cannot read message: " +
    "its compressed flag is 2, need 0 or 1",
  ],
  [
    "a message that says it is compressed",
    bytes(1, 0, 0, 0, 0),
    "status 13 Cannot read " +
    "message: it is compressed, but no grpc-encoding was agreed on",
  ],
  ["packed floats of 7 octets", message(bytes(10, 7, 1, 2, 3, 4, 5, 6, 7)), UNREADABLE],
  ["packed floats of 4 GiB", message(bytes(10, 255, 255, 255, 255, 15)), UNREADABLE],
  ["groups without end", message(repeat(bytes(tag(3)), 100_000)), UNREADABLE],
  [
    "groups nested deep",
    message(concat([
      repeat(bytes(tag(3)), 10_000),
      repeat(bytes(tag(4)), 10_000),
    ])),
    UNREADABLE,
  ],
  ["a group's end alone", message(bytes(tag(4))), UNREADABLE],
  ["a varint without end", message(concat([bytes(tag(0)), repeat(bytes(255), 1_000)])), UNREADABLE],
  ["a tag without end", message(repeat(bytes(255), 1_000)), UNREADABLE],
  ["field number 0", message(bytes(0, 0)), UNREADABLE],
  ["wire type 7", message(bytes(tag(7))), UNREADABLE],
  // Fields inside fields that nobody knows are not looked into, so that they cannot be too deep.
  ["nesting in unknown fields", message(nested(10_000)), "status 0"],
  ["a hundred thousand unknown fields", message(repeat(bytes(tag(0), 1), 100_000)), "status 0"],
];

/** A length-delimited field in a field in a field …, of at most 16 KiB. */
function nested(depth: number): Uint8Array {
  let inner: Uint8Array = bytes();
  for (let level = 0; level < depth && inner.length < FRAME_BYTES - 4; level++) {
    const { length } = inner;
    const prefix = length < 128 ? [length] : [128 + length % 128, length >>> 7];
    inner = concat([bytes(tag(2), ...prefix), inner]);
  }
  return inner;
}

/** A call's frames; the last DATA ends the stream. */
function frames(id: number, body: Uint8Array, head = HEAD): Uint8Array {
  const parts = [headers(id, head)];
  for (let at = 0; at < body.length; at += FRAME_BYTES) {
    parts.push(data(id, body.subarray(at, at + FRAME_BYTES)));
  }
  return concat([...parts, data(id, 0, END_STREAM)]);
}

attackTest("Messages that lie or break the format are answered, each for itself", {
  attackMs: 3_000,
}, async (battle) => {
  const seen = new Set<string>();
  await battle.storm(async (attacker) => {
    for (const [what, body, expected] of BODIES) {
      const id = attacker.takeId();
      if (!(await attacker.send(frames(id, body)))) return;
      assert.equal(await attacker.answer(id), expected, what);
      seen.add(what);
    }
  });
  assert.equal(seen.size, BODIES.length);
});

attackTest(
  "A message over the limit is refused, and what comes of it still is dropped",
  {},
  async (battle) => {
    const rest = repeat(data(1, FRAME_BYTES), 4);
    await battle.storm(async (attacker) => {
      await attacker.send(headers(1, HEAD), data(1, message(bytes(1, 2, 3), 4_194_305)));
      assert.equal(
        await attacker.answer(1),
        "status 8 Cannot read message: 4194305 bytes, at most 4194304 are accepted",
      );
      while (await attacker.send(rest));
      assert.equal(attacker.ended, undefined);
    }, { parallel: 2 });
  },
);

/** SERVER_BUFFERED_BYTES_MAX of lib/limits.ts, in buffers of up to twice what they hold. */
const BUDGET_BYTES = 2 * 256 * MIB;

attackTest(
  "Large messages that are not finished are refused when the thread holds as much as it may",
  { allowanceBytes: HEAP_BYTES + BUDGET_BYTES },
  async (battle) => {
    const MESSAGE_BYTES = 4 * MIB;
    const part = new Uint8Array(FRAME_BYTES);
    let refused = 0;
    const attackers = await Promise.all(Array.from({ length: 14 }, () => battle.connect()));
    await Promise.all(attackers.map(async (attacker) => {
      const ids = Array.from({ length: 7 }, () => attacker.takeId());
      for (const id of ids) {
        await attacker.send(headers(id, HEAD), data(id, message(bytes(1), MESSAGE_BYTES)));
      }
      for (let sent = FRAME_BYTES; sent < MESSAGE_BYTES; sent += FRAME_BYTES) {
        await attacker.send(concat(ids.map((id) => data(id, part))));
      }
    }));
    for (const attacker of attackers) {
      assert.equal(attacker.ended, undefined);
      assert.deepEqual([...attacker.statuses.keys()].filter((status) => status !== "8"), []);
      refused += attacker.statuses.get("8") ?? 0;
    }
    if (battle.going) assert.ok(refused > 0);
  },
);

attackTest(
  "Large messages of nothing but small fields take their time, and others theirs",
  // Dozens of them, of 4 MiB with the buffers that they outgrew, are garbage before it is collected.
  { allowanceBytes: HEAP_BYTES + 64 * MIB },
  async (battle) => {
    const large = message(repeat(bytes(tag(0), 1), 1_000_000));
    await battle.storm(async (attacker) => {
      const id = attacker.takeId();
      if (!(await attacker.send(frames(id, large)))) return;
      assert.equal(await attacker.answer(id), "status 0");
    }, { parallel: 2 });
  },
);

attackTest("A message an octet a frame is put together", {}, async (battle) => {
  await battle.storm(async (attacker) => {
    while (battle.going && attacker.ended === undefined) {
      const id = attacker.takeId();
      const octets = Array.from(PREDICT_MESSAGE, (octet) => data(id, bytes(octet)));
      await attacker.send(headers(id, HEAD), ...octets, data(id, 0, END_STREAM));
    }
    assert.equal(attacker.ended, undefined);
    assert.deepEqual([...attacker.statuses.keys()], ["0"]);
    await attacker.seen(Type.HEADERS, 2);
  });
});
