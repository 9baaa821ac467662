import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { CONCURRENT_STREAMS_MAX, HEALTH_LIST_SERVICES_MAX } from "../../lib/limits.ts";
import { healthMethods } from "../../lib/services/health_contract.ts";
import { addHealth } from "../../lib/services/health_service.ts";
import { HealthState } from "../../lib/services/health_state.ts";
import { mayUseNet, TestServer } from "../grpc/test_server.ts";

const health = healthMethods();

function startServer() {
  const state = new HealthState();
  const test = new TestServer({}, { register: (registry) => addHealth(registry, state) });
  for (const service of ["", "A"]) state.set(service, "SERVING");
  return { state, test, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

const failsWith = (code: Code) => (error: unknown) =>
  error instanceof GrpcError && error.code === code;

Deno.test("Check tells the status of a service, and of the server as the service of no name", async () => {
  await using server = startServer();
  const channel = server.test.channel();
  assert.deepEqual(await channel.unary(health.check, { service: "" }), { status: "SERVING" });
  server.state.set("A", "NOT_SERVING");
  assert.deepEqual(await channel.unary(health.check, { service: "A" }), { status: "NOT_SERVING" });
});

Deno.test("Check of an unknown service is NOT_FOUND", async () => {
  await using server = startServer();
  const call = server.test.channel().unary(health.check, { service: "B" });
  await assert.rejects(call, failsWith(Code.NOT_FOUND));
});

Deno.test("List tells all statuses, as long as they are as many as it may", async () => {
  await using server = startServer();
  const channel = server.test.channel();
  const { statuses } = await channel.unary(health.list, {});
  assert.deepEqual(statuses, { "": { status: "SERVING" }, A: { status: "SERVING" } });
  for (let i = 2; i < HEALTH_LIST_SERVICES_MAX; i++) server.state.set(`S${i}`, "SERVING");
  const full = await channel.unary(health.list, {});
  assert.equal(Object.keys(full.statuses).length, HEALTH_LIST_SERVICES_MAX);
  server.state.set("one more", "SERVING");
  await assert.rejects(channel.unary(health.list, {}), failsWith(Code.RESOURCE_EXHAUSTED));
});

for (const over of ["memory", "sockets"] as const) {
  Deno.test({
    name: `Watch over ${over}: the status now, its changes, and UNAVAILABLE at the drain`,
    ignore: over === "sockets" && !mayUseNet,
  }, async () => {
    await using server = startServer();
    const { state, test } = server;
    const channel = over === "memory" ? test.channel() : test.tcpChannel(test.listen());
    const [known, unknown] = ["A", "B"].map((service) =>
      channel.serverStreaming(health.watch, { service })[Symbol.asyncIterator]()
    );
    assert.deepEqual((await known.next()).value, { status: "SERVING" });
    assert.deepEqual((await unknown.next()).value, { status: "SERVICE_UNKNOWN" });
    state.set("A", "UNKNOWN");
    state.set("B", "SERVING");
    assert.deepEqual((await known.next()).value, { status: "UNKNOWN" });
    assert.deepEqual((await unknown.next()).value, { status: "SERVING" });

    state.drain();
    const drained = test.server.shutdown();
    for (const watch of [known, unknown]) {
      assert.deepEqual((await watch.next()).value, { status: "NOT_SERVING" });
      await assert.rejects(watch.next(), failsWith(Code.UNAVAILABLE));
    }
    await drained;
    assert.deepEqual(test.observer.ended, ["UNAVAILABLE", "UNAVAILABLE"]);
    assert.deepEqual(test.observer.handlerErrors, []);
  });
}

Deno.test("Watches end with their calls: cancelled, or cut off", async () => {
  await using server = startServer();
  const { state, test } = server;
  const channel = test.channel();
  const [cancelled, cutOff] = ["A", "B"].map((service) =>
    channel.serverStreaming(health.watch, { service })[Symbol.asyncIterator]()
  );
  await Promise.all([cancelled.next(), cutOff.next()]);
  assert.equal(state.watcherCount, 2);

  await cancelled.return?.();
  await test.observer.whenEnded(1);
  test.transports[0].close();
  await assert.rejects(cutOff.next());
  await test.observer.whenEnded(2);
  // The watches hear of the end in microtasks behind those of the calls.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(state.watcherCount, 0);
  assert.deepEqual(test.observer.handlerErrors, []);
});

Deno.test("A connection has as many watches as streams, and each hears of the drain", async () => {
  await using server = startServer();
  const { state, test } = server;
  const channel = test.channel();
  const watches = Array.from(
    { length: CONCURRENT_STREAMS_MAX },
    () => channel.serverStreaming(health.watch, { service: "" })[Symbol.asyncIterator](),
  );
  await Promise.all(watches.map((watch) => watch.next()));
  const oneMore = channel.unary(health.check, { service: "" });
  assert.equal(state.watcherCount, CONCURRENT_STREAMS_MAX);
  assert.equal(test.observer.started, CONCURRENT_STREAMS_MAX);
  await watches[0].return?.();
  assert.deepEqual(await oneMore, { status: "SERVING" });
  state.drain();
  const told = await Promise.all(watches.slice(1).map((watch) => watch.next()));
  assert.ok(told.every(({ value }) => value.status === "NOT_SERVING"));
});
