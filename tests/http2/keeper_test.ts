import assert from "node:assert/strict";
import type { Http2Error } from "../../lib/http2/http2_error.ts";
import {
  Keeper,
  KEEPER_TIMES,
  type KeeperTimes,
  type KeptConnection,
  type Pulse,
} from "../../lib/http2/keeper.ts";

/** Without a limit but those that a test sets. */
const FOREVER = Object.fromEntries(
  Object.keys(KEEPER_TIMES).map((name) => [name, Infinity]),
) as unknown as KeeperTimes;

/** A connection that does what a test says, and notes what its keeper does to it. */
class FakeConnection implements KeptConnection {
  pulse: Pulse = {
    bytesRead: 0,
    reading: true,
    framesTaken: 0,
    insideFrame: false,
    bytesTaken: 0,
    bytesUntaken: 0,
    unqueuedBytes: 0,
    queuedBytes: 0,
  };
  streamCount = 0;
  readonly greeting = Promise.withResolvers<void>();
  readonly events: string[] = [];
  unfinished: { id: number; receivedBytes: number }[] = [];

  get greeted(): Promise<void> {
    return this.greeting.promise;
  }

  unfinishedStreams() {
    return this.unfinished;
  }

  ping(): void {
    this.events.push("ping");
  }

  shutdown(): Promise<void> {
    this.events.push("shutdown");
    return Promise.resolve();
  }

  cutOff(error: Http2Error): void {
    this.events.push(`${error.scope} ${error.streamId}: ${error.message}`);
  }

  close(error: Error): void {
    this.events.push(`close: ${error.message}`);
  }

  /** Things happen. */
  beat(changes: Partial<Pulse>): void {
    this.pulse = { ...this.pulse, ...changes };
  }
}

async function keep(times: Partial<KeeperTimes>) {
  const connection = new FakeConnection();
  connection.greeting.resolve();
  const keeper = new Keeper(connection, { ...FOREVER, ...times }, 0);
  await connection.greeted;
  return { connection, keeper };
}

Deno.test("Keeper closes a connection whose peer sends no preface", async () => {
  const connection = new FakeConnection();
  const keeper = new Keeper(connection, { ...FOREVER, prefaceMs: 10 }, 0);
  keeper.check(9);
  assert.deepEqual(connection.events, []);
  keeper.check(10);
  assert.deepEqual(connection.events, ["close: the peer sent no HTTP/2 preface in time"]);
  connection.greeting.resolve();
  await connection.greeted;
  keeper.check(20);
  assert.equal(connection.events.length, 1);
});

Deno.test("Keeper asks a quiet peer once, and closes when it does not answer", async () => {
  const { connection, keeper } = await keep({ quietMs: 10, answerMs: 5 });
  keeper.check(5);
  connection.beat({ bytesRead: 1 });
  keeper.check(10);
  keeper.check(19);
  assert.deepEqual(connection.events, []);
  keeper.check(20);
  keeper.check(24);
  assert.deepEqual(connection.events, ["ping"]);
  connection.beat({ bytesRead: 18 });
  keeper.check(25);
  keeper.check(35);
  assert.deepEqual(connection.events, ["ping", "ping"]);
  keeper.check(39);
  assert.equal(connection.events.length, 2);
  keeper.check(40);
  assert.equal(connection.events[2], "close: the peer has not answered a PING");
});

Deno.test("Keeper gives a peer its time to answer, however late it is asked", async () => {
  const { connection, keeper } = await keep({ quietMs: 10, answerMs: 5 });
  keeper.check(1_000);
  keeper.check(1_004);
  assert.deepEqual(connection.events, ["ping"]);
  keeper.check(1_005);
  assert.equal(connection.events.length, 2);
});

Deno.test("Keeper closes a connection that takes no output, not one that takes little", async () => {
  const { connection, keeper } = await keep({ stalledMs: 10 });
  connection.beat({ bytesUntaken: 100 });
  for (const nowMs of [0, 9, 18, 27]) {
    connection.beat({ bytesTaken: nowMs });
    keeper.check(nowMs);
  }
  assert.deepEqual(connection.events, []);
  keeper.check(37);
  assert.deepEqual(connection.events, ["close: the peer takes no output"]);
});

Deno.test("Keeper lets output rest that is all taken", async () => {
  const { connection, keeper } = await keep({ stalledMs: 10, heldBackMs: 10 });
  for (const nowMs of [0, 100, 200]) keeper.check(nowMs);
  connection.beat({ bytesUntaken: 1, queuedBytes: 1, insideFrame: true });
  keeper.check(201);
  keeper.check(209);
  assert.deepEqual(connection.events, []);
});

Deno.test("Keeper does not blame a peer for input that is left where it is", async () => {
  const { connection, keeper } = await keep({ stalledMs: 10, quietMs: 10, answerMs: 5 });
  connection.beat({ insideFrame: true, framesTaken: 3, reading: false });
  for (const nowMs of [0, 20, 40]) keeper.check(nowMs);
  assert.deepEqual(connection.events, []);
});

Deno.test("Keeper cuts off a frame that goes on for ever, byte by byte", async () => {
  const { connection, keeper } = await keep({ stalledMs: 10 });
  connection.beat({ insideFrame: true, framesTaken: 3 });
  keeper.check(0);
  connection.beat({ bytesRead: 1 });
  keeper.check(5);
  connection.beat({ bytesRead: 2 });
  keeper.check(10);
  assert.deepEqual(connection.events, [
    "connection 0: a frame or header block was left unfinished",
  ]);
});

Deno.test("Keeper cuts off a peer that takes none of the data it holds back", async () => {
  const { connection, keeper } = await keep({ heldBackMs: 10 });
  connection.beat({ queuedBytes: 100 });
  keeper.check(0);
  connection.beat({ unqueuedBytes: 1 });
  keeper.check(5);
  keeper.check(14);
  assert.deepEqual(connection.events, []);
  keeper.check(15);
  assert.deepEqual(connection.events, [
    "connection 0: flow control holds data back for too long",
  ]);
});

Deno.test("Keeper resets requests that stop, and leaves those that go on", async () => {
  const { connection, keeper } = await keep({ stalledMs: 10 });
  connection.streamCount = 2;
  connection.unfinished = [{ id: 1, receivedBytes: 5 }, { id: 3, receivedBytes: 0 }];
  keeper.check(0);
  connection.unfinished = [{ id: 1, receivedBytes: 5 }, { id: 3, receivedBytes: 1 }];
  keeper.check(10);
  assert.deepEqual(connection.events, ["stream 1: the request was left unfinished"]);
  connection.unfinished = [{ id: 3, receivedBytes: 1 }];
  keeper.check(20);
  assert.equal(connection.events[1], "stream 3: the request was left unfinished");
});

Deno.test("Keeper asks an idle connection to go, a busy one not", async () => {
  const { connection, keeper } = await keep({ idleMs: 100, ageGraceMs: 50 });
  connection.streamCount = 1;
  keeper.check(200);
  connection.streamCount = 0;
  keeper.check(280);
  assert.deepEqual(connection.events, []);
  keeper.check(311);
  keeper.check(312);
  assert.deepEqual(connection.events, ["shutdown"]);
});

Deno.test("Keeper asks an old connection to go, and closes it when its calls outlive it", async () => {
  const { connection, keeper } = await keep({ ageMs: 100, ageGraceMs: 50 });
  connection.streamCount = 1;
  keeper.check(89);
  assert.deepEqual(connection.events, []);
  keeper.check(111);
  keeper.check(160);
  assert.deepEqual(connection.events, ["shutdown"]);
  keeper.check(161);
  assert.equal(connection.events[1], "close: calls outlived their connection's age");
});
