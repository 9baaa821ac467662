import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { type HealthCheckResponse, healthMethods } from "../../lib/services/health_contract.ts";
import { mayServe } from "../support/permissions.ts";
import { startPool } from "../support/running_pool.ts";

const health = healthMethods();

/** Connections are spread by a hash of their ports: this many reach every one of four threads. */
const CONNECTIONS = 48;

const SERVICES = [
  "",
  "ModelServer",
  "NumStore",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "inference.GRPCInferenceService",
  "invocation.v1.Invocation",
];

function openChannels(port: number, count: number) {
  const channels = Array.from(
    { length: count },
    () => openChannel({ hostname: "127.0.0.1", port }),
  );
  return { channels, [Symbol.dispose]: () => channels.forEach((channel) => channel.close()) };
}

Deno.test({ name: "server: every service of a thread is SERVING", ignore: !mayServe }, async () => {
  await using server = await startPool({ threads: 1 });
  using opened = openChannels(server.port, 1);
  const [channel] = opened.channels;
  const { statuses } = await channel.unary(health.list, {});
  assert.deepEqual(
    statuses,
    Object.fromEntries(SERVICES.map((service) => [service, { status: "SERVING" }])),
  );
  for (const service of SERVICES) {
    assert.deepEqual(await channel.unary(health.check, { service }), { status: "SERVING" });
  }
});

Deno.test({
  name: "server: a drain tells the watchers of all threads, and does not wait for them",
  ignore: !mayServe,
}, async () => {
  await using server = await startPool();
  using opened = openChannels(server.port, CONNECTIONS);
  const watches = opened.channels.flatMap((channel) =>
    ["", "ModelServer", "Unknown"].map((service) =>
      channel.serverStreaming(health.watch, { service })[Symbol.asyncIterator]()
    )
  );
  const first = await Promise.all(watches.map((watch) => watch.next()));
  const drained = server.pool.drain(60_000);
  const rest = await Promise.all(watches.map(untilEnd));
  for (const [i, { statuses, error }] of rest.entries()) {
    const known = i % 3 !== 2;
    assert.equal(first[i].value.status, known ? "SERVING" : "SERVICE_UNKNOWN");
    assert.deepEqual(statuses, known ? ["NOT_SERVING"] : []);
    assert.ok(error instanceof GrpcError && error.code === Code.UNAVAILABLE, String(error));
    assert.match(error.message, /shutting down/);
  }
  // Had it waited for a watch, it would have been cut off after a minute, and be false.
  assert.equal(await drained, true);
});

/** Reads a watch to its end; an end by itself is no error. */
async function untilEnd(watch: AsyncIterator<HealthCheckResponse>) {
  const statuses: string[] = [];
  try {
    for (;;) {
      const { done, value } = await watch.next();
      if (done) return { statuses, error: undefined };
      statuses.push(value.status);
    }
  } catch (error) {
    return { statuses, error };
  }
}
