import assert from "node:assert/strict";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { ServiceRegistry } from "../../lib/grpc/service.ts";
import { MESSAGE_BYTES_MAX_DEFAULT, REFUSALS_MAX } from "../../lib/limits.ts";
import { Counters } from "../../lib/serving/counters.ts";
import { ConnectionGate } from "../../lib/services/connection_gate.ts";
import { ThreadObserver } from "../../lib/services/thread_observer.ts";
import { memoryPipe } from "../grpc/memory_pipe.ts";

function newGate(connectionsMax: number) {
  const counters = Counters.allocate(1);
  const observer = new ThreadObserver(new Counters(counters, 0), () => {});
  const server = new GrpcServer(new ServiceRegistry(), {
    messageBytesMax: MESSAGE_BYTES_MAX_DEFAULT,
    observer,
  });
  const gate = new ConnectionGate({ server, observer, counters, connectionsMax });
  return { gate, counters, server };
}

async function untilOpen(counters: SharedArrayBuffer, count: number): Promise<void> {
  while (Counters.openConnections(counters) !== count) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("ConnectionGate holds the next accept back when even refusals are too many", async () => {
  const { gate, counters } = newGate(1);
  const peers = Array.from({ length: 1 + REFUSALS_MAX }, () => {
    const [peer, connection] = memoryPipe();
    assert.equal(gate.take(connection), undefined);
    return peer;
  });
  const [last, connection] = memoryPipe();
  const room = gate.take(connection);
  assert.ok(room instanceof Promise);
  assert.equal(Counters.sums(counters).connectionsRefused, REFUSALS_MAX + 1);
  for (const peer of [...peers, last]) peer.close();
  await room;
  await untilOpen(counters, 0);
});

Deno.test("ConnectionGate counts a connection until its socket is free", async () => {
  const { gate, counters, server } = newGate(1);
  const [, connection] = memoryPipe();
  const released = Promise.withResolvers<void>();
  gate.take({
    read: (into) => connection.read(into),
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
    released: released.promise,
  });
  server.close();
  const [peer, another] = memoryPipe();
  gate.take(another);
  assert.equal(Counters.sums(counters).connectionsRefused, 1);
  peer.close();
  released.resolve();
  await untilOpen(counters, 0);
});

Deno.test("ConnectionGate keeps nobody out for the sake of those that it refuses", async () => {
  const { gate, counters } = newGate(1);
  const [first, served] = memoryPipe();
  gate.take(served);
  const refused = Array.from({ length: REFUSALS_MAX }, () => {
    const [peer, connection] = memoryPipe();
    gate.take(connection);
    return peer;
  });
  first.close();
  await untilOpen(counters, 0);
  const [next, newcomer] = memoryPipe();
  gate.take(newcomer);
  assert.equal(Counters.sums(counters).connectionsRefused, REFUSALS_MAX);
  assert.equal(Counters.openConnections(counters), 1);
  for (const peer of [...refused, next]) peer.close();
  await untilOpen(counters, 0);
});
