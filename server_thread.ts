/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** A serving thread's composition root: the shared state, the services on it, a port to serve. */

import { OperationError } from "./lib/errors.ts";
import { canSharePort } from "./lib/grpc/listener.ts";
import { ServedPort } from "./lib/grpc/served_port.ts";
import { GrpcServer } from "./lib/grpc/server.ts";
import { ServiceRegistry } from "./lib/grpc/service.ts";
import { NumStore } from "./lib/numstore/num_store.ts";
import { BearerAuth } from "./lib/security/bearer_auth.ts";
import { Counters } from "./lib/serving/counters.ts";
import { Predictor } from "./lib/serving/predictor.ts";
import { openSharedState } from "./lib/serving/shared_state.ts";
import type {
  ServerCredentials,
  ThreadCommand,
  ThreadReport,
  ThreadStart,
} from "./lib/serving/thread_protocol.ts";
import { ConnectionGate } from "./lib/services/connection_gate.ts";
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

  const gate = new ConnectionGate({ server, observer, counters: memory.counters, connectionsMax });
  useTokens(server, options.credentials);
  const { keyPair } = options.credentials;
  // A listener on a port that is not shared could not be replaced without closing the port.
  const sharePort = options.sharePort || (keyPair !== undefined && canSharePort());
  const port = new ServedPort({ ...options, sharePort }, keyPair, {
    onConnection: (connection) => gate.take(connection),
    onAcceptFailed: (error) => report({ type: "acceptFailed", message: String(error) }),
  });
  self.onmessage = async ({ data: command }: MessageEvent<ThreadCommand>) => {
    if (command.type === "renew") return await renew(server, port, command.credentials);
    if (command.type !== "drain") return;
    port.close();
    health.drain();
    await server.shutdown();
    report({ type: "drained" });
  };
  report({ type: "listening", port: port.number });
}

async function renew(
  server: GrpcServer,
  port: ServedPort,
  credentials: ServerCredentials,
): Promise<void> {
  try {
    if (credentials.keyPair !== undefined) await port.replace(credentials.keyPair);
    // Both or neither: a thread that keeps its certificate keeps its tokens too.
    useTokens(server, credentials);
    report({ type: "renewed" });
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    report({ type: "renewFailed", message: error.message });
  }
}

function useTokens(server: GrpcServer, { tokenDigests }: ServerCredentials): void {
  server.authenticator = tokenDigests && new BearerAuth(tokenDigests);
}
