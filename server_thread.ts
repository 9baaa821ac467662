/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** A serving thread's composition root: the shared state, the services on it, a port to serve. */

import { OperationError } from "./lib/errors.ts";
import { acceptLoop, listen } from "./lib/grpc/listener.ts";
import { GrpcServer } from "./lib/grpc/server.ts";
import { ServiceRegistry } from "./lib/grpc/service.ts";
import { NumStore } from "./lib/numstore/num_store.ts";
import { Counters } from "./lib/serving/counters.ts";
import { Predictor } from "./lib/serving/predictor.ts";
import { openSharedState } from "./lib/serving/shared_state.ts";
import type { ThreadCommand, ThreadReport, ThreadStart } from "./lib/serving/thread_protocol.ts";
import { healthSource } from "./lib/services/health_contract.ts";
import { addHealth } from "./lib/services/health_service.ts";
import { HealthState } from "./lib/services/health_state.ts";
import { modelServerMethods, modelServerSource } from "./lib/services/modelserver_contract.ts";
import { addModelServer } from "./lib/services/modelserver_service.ts";
import { numStoreMethods, numStoreSource } from "./lib/services/numstore_contract.ts";
import { addNumStore } from "./lib/services/numstore_service.ts";
import { reflectionSources } from "./lib/services/reflection_contract.ts";
import { addReflection } from "./lib/services/reflection_service.ts";
import { ThreadObserver } from "./lib/services/thread_observer.ts";

const report = (message: ThreadReport) => self.postMessage(message);

self.onmessage = (event: MessageEvent<ThreadCommand>) => {
  const command = event.data;
  if (command.type !== "start") return;
  try {
    start(command);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    report({ type: "listenFailed", message: error.message });
  }
};

function start(options: ThreadStart): void {
  const { memory, row, messageBytesMax, connections } = options;
  const { connectionsMax, streamsMax, ...times } = connections;
  const state = openSharedState(memory, options.owner);
  const observer = new ThreadObserver(new Counters(memory.counters, row), report);
  const registry = new ServiceRegistry();
  const health = new HealthState();
  addModelServer(registry, modelServerMethods(), new Predictor(state));
  addNumStore(registry, numStoreMethods(), new NumStore(state.numStore));
  addHealth(registry, health);
  addReflection(registry, [modelServerSource, numStoreSource, healthSource, ...reflectionSources]);
  for (const service of ["", ...registry.services]) health.set(service, "SERVING");
  const server = new GrpcServer(registry, { messageBytesMax, streamsMax, times, observer });

  const listener = listen(options);
  acceptLoop(listener, async (connection) => {
    observer.onConnectionStart();
    if (Counters.openConnections(memory.counters) <= connectionsMax) {
      return observer.onConnectionEnd(await server.serve(connection));
    }
    observer.onConnectionRefused();
    await server.refuse(connection, `the server has ${connectionsMax} connections already`);
    observer.onConnectionEnd(undefined);
  }, (error) => report({ type: "acceptFailed", message: String(error) }));
  self.onmessage = async (event: MessageEvent<ThreadCommand>) => {
    if (event.data.type !== "drain") return;
    listener.close();
    health.drain();
    await server.shutdown();
    report({ type: "drained" });
  };
  report({ type: "listening", port: listener.addr.port });
}
