/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** A serving thread's composition root: the shared state, the services on it, the ports to serve. */

import { VERSION } from "./lib/cli/version.ts";
import { OperationError } from "./lib/errors.ts";
import { canSharePort } from "./lib/grpc/listener.ts";
import { ServedPort } from "./lib/grpc/served_port.ts";
import { GrpcServer } from "./lib/grpc/server.ts";
import { ServiceRegistry } from "./lib/grpc/service.ts";
import type { HttpServer, HttpServerOptions } from "./lib/http/http_server.ts";
import type { InferenceBackend } from "./lib/inference/backend.ts";
import { LocalWorkers } from "./lib/pipeline/local_workers.ts";
import { MOCK_MODEL, mockModel } from "./lib/invocation/invocation_model.ts";
import { Invocations } from "./lib/invocation/invocations.ts";
import { ServedInvocationModel } from "./lib/invocation/served_model.ts";
import { NumStore } from "./lib/numstore/num_store.ts";
import { ModelCommands } from "./lib/runtime/model_commands.ts";
import { ModelTable } from "./lib/runtime/model_table.ts";
import { builtInLinear } from "./lib/runtime/linear_backend.ts";
import { openGeneration } from "./lib/runtime/open_generation.ts";
import { ThreadWake } from "./lib/runtime/thread_wake.ts";
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
import { inferenceMethods, inferenceSource } from "./lib/services/inference_contract.ts";
import { addInference } from "./lib/services/inference_service.ts";
import { HealthState } from "./lib/services/health_state.ts";
import { invocationSource, invokeMethod, modelSource } from "./lib/services/invocation_contract.ts";
import { addInvocation } from "./lib/services/invocation_service.ts";
import { modelServerMethods, modelServerSource } from "./lib/services/modelserver_contract.ts";
import { addModelServer } from "./lib/services/modelserver_service.ts";
import { numStoreMethods, numStoreSource } from "./lib/services/numstore_contract.ts";
import { addNumStore } from "./lib/services/numstore_service.ts";
import { reflectionSources } from "./lib/services/reflection_contract.ts";
import { addReflection } from "./lib/services/reflection_service.ts";
import { ThreadObserver } from "./lib/services/thread_observer.ts";
import { RemoteStore } from "./lib/store/remote_store.ts";
import type { TraceSettings } from "./lib/telemetry/trace_settings.ts";
import type { Tracing } from "./lib/telemetry/tracing.ts";

const SOURCES = [
  modelServerSource,
  numStoreSource,
  inferenceSource,
  modelSource,
  invocationSource,
  healthSource,
  ...reflectionSources,
];

const report = (message: ThreadReport) => self.postMessage(message);

self.onmessage = async (event: MessageEvent<ThreadCommand>) => {
  const command = event.data;
  if (command.type !== "start") return;
  // What is said meanwhile is for what it starts.
  const early: MessageEvent<ThreadCommand>[] = [];
  self.onmessage = (event) => early.push(event);
  try {
    await start(command, early);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    report({ type: "listenFailed", message: error.message });
  }
};

async function start(
  options: ThreadStart,
  early: readonly MessageEvent<ThreadCommand>[],
): Promise<void> {
  const { memory, row, messageBytesMax, connections } = options;
  const { connectionsMax, streamsMax, ...times } = connections;
  const state = openSharedState(memory, options.owner);
  const observer = new ThreadObserver(new Counters(memory.counters, row), report);
  const predictor = new Predictor(state);
  const commands = new ModelCommands((id, command) => report({ type: "command", id, command }));
  const models = openModels(options, predictor, commands, observer);
  const tracing = await traced(options.tracing, models);
  const backend = tracing?.backend ?? models;
  const store = new RemoteStore({
    timeoutMs: options.invocation.storeTimeoutMs,
    need: () => report({ type: "storeNeeded" }),
  });
  const invocations = openInvocations(options, backend, store, observer);
  const registry = new ServiceRegistry();
  const health = new HealthState();
  addModelServer(registry, modelServerMethods(), predictor);
  addNumStore(registry, numStoreMethods(), new NumStore(state.numStore));
  addInference(registry, inferenceMethods(), backend);
  addInvocation(registry, invokeMethod(), invocations, observer);
  addHealth(registry, health);
  addReflection(registry, SOURCES);
  for (const service of ["", ...registry.services]) health.set(service, "SERVING");
  const server = new GrpcServer(registry, { messageBytesMax, streamsMax, times, observer });

  const gate = new ConnectionGate({ server, observer, counters: memory.counters, connectionsMax });
  server.authenticator = authenticatorOf(options.credentials);
  const { keyPair } = options.credentials;
  const sharePort = sharesPort(options);
  const port = new ServedPort({ ...options, sharePort }, keyPair, {
    onConnection: (connection) => gate.take(connection),
    onAcceptFailed: (error) => report({ type: "acceptFailed", message: String(error) }),
  });
  const pipeline = new LocalWorkers({ ...options.pipeline, backend, commands });
  const http = openHttp(options, { backend, pipeline, invocations }, observer);
  const onCommand = async ({ data: command }: MessageEvent<ThreadCommand>) => {
    switch (command.type) {
      case "serveModels":
        models.apply(command.models);
        return report({ type: "modelsServed", revision: command.models.revision });
      case "commandResult":
        return commands.settle(command.id, command.result);
      case "storeJoined":
      case "storeLost":
        return store.hear(command);
      case "renew":
        return await renew(server, port, await http, command.credentials);
      case "drain":
        port.close();
        health.drain();
        await Promise.all([server.shutdown(), http.then((served) => served?.drain())]);
        await Promise.all([store.close(), tracing?.close()]);
        return report({ type: "drained" });
    }
  };
  self.onmessage = onCommand;
  early.forEach(onCommand);
  report({ type: "listening", port: port.number, httpPort: (await http)?.port });
}

function openModels(
  options: ThreadStart,
  predictor: Predictor,
  commands: ModelCommands,
  observer: ThreadObserver,
): ModelTable {
  // Row 0 of the counters is the supervisor's, which serves no models.
  const thread = options.row - 1;
  const { wakes, linearStatistics } = options.modelMemory;
  const place = { thread, owner: options.owner, wake: new ThreadWake(wakes, thread) };
  const linear = builtInLinear(predictor, linearStatistics, thread);
  const table = new ModelTable(
    (descriptor) => openGeneration(descriptor, place),
    commands,
    [linear],
    (model, error) => observer.onHandlerError(`model ${model}`, error),
  );
  table.apply(options.models);
  return table;
}

function openInvocations(
  { invocation: { model, needsStore } }: ThreadStart,
  backend: InferenceBackend,
  store: RemoteStore,
  observer: ThreadObserver,
): Invocations {
  const invoked = model === MOCK_MODEL ? mockModel : new ServedInvocationModel(backend, model);
  return new Invocations({ model: invoked, store, observer, needsStore });
}

/** A listener on a port that is not shared could not be replaced without closing the port. */
function sharesPort({ sharePort, credentials }: ThreadStart): boolean {
  return sharePort || (credentials.keyPair !== undefined && canSharePort());
}

/** Tracing, with all that it needs, is loaded by servers that trace. */
async function traced(
  settings: TraceSettings | undefined,
  models: ModelTable,
): Promise<Tracing | undefined> {
  if (settings === undefined) return undefined;
  const { openTracing } = await import("./lib/telemetry/tracing.ts");
  return openTracing(settings, models, VERSION, {
    onSpansLost: (lost, reason) => report({ type: "spansLost", lost, reason }),
  });
}

/** REST, with all that it needs, is loaded by servers that serve it. */
async function openHttp(
  options: ThreadStart,
  served: Pick<HttpServerOptions, "backend" | "pipeline" | "invocations">,
  observer: ThreadObserver,
): Promise<HttpServer | undefined> {
  if (options.httpPort === undefined) return undefined;
  const { HttpServer } = await import("./lib/http/http_server.ts");
  const { hostname, probePort, messageBytesMax, memory, credentials } = options;
  return new HttpServer({
    hostname,
    port: options.httpPort,
    sharePort: sharesPort(options),
    probePort,
    keyPair: credentials.keyPair,
    authenticator: authenticatorOf(credentials),
    bodyBytesMax: messageBytesMax,
    ...served,
    counters: () => Counters.sums(memory.counters),
    version: VERSION,
    observer,
  });
}

async function renew(
  server: GrpcServer,
  port: ServedPort,
  http: HttpServer | undefined,
  credentials: ServerCredentials,
): Promise<void> {
  try {
    if (credentials.keyPair !== undefined) {
      await port.replace(credentials.keyPair);
      http?.replaceKeyPair(credentials.keyPair);
    }
    // Both or neither: a thread that keeps its certificate keeps its tokens too.
    server.authenticator = authenticatorOf(credentials);
    if (http !== undefined) http.authenticator = authenticatorOf(credentials);
    report({ type: "renewed" });
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    report({ type: "renewFailed", message: error.message });
  }
}

function authenticatorOf(
  { tokenDigests: callers, adminTokenDigests: admins }: ServerCredentials,
): BearerAuth | undefined {
  if (callers === undefined && admins === undefined) return undefined;
  return new BearerAuth({ callers, admins });
}
