import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { openChannel } from "../../lib/grpc/channel.ts";
import { acceptLoop, listen } from "../../lib/grpc/listener.ts";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { ServiceRegistry } from "../../lib/grpc/service.ts";
import { Code } from "../../lib/grpc/status.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import { printedResponses, type WorkloadClients } from "../../lib/services/file_workload.ts";
import { modelServerCaller } from "../../lib/services/modelserver_caller.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer, type ModelServerBackend } from "../../lib/services/modelserver_service.ts";
import { NumStoreClient } from "../../lib/services/numstore_client.ts";
import { Predictor } from "../../lib/serving/predictor.ts";
import { allocateSharedMemory, openSharedState } from "../../lib/serving/shared_state.ts";
import type { WorkloadRequest } from "../../lib/workload/request.ts";
import { mayUseNet, RecordingObserver } from "../grpc/test_server.ts";

const ignore = !mayUseNet;

function predictor(): Predictor {
  const memory = allocateSharedMemory({
    threads: 1,
    cacheEntries: 10,
    cacheBytes: 1_048_576,
    coefsMax: 1_000,
  });
  return new Predictor(openSharedState(memory, 1));
}

/** A ModelServer on a port of the system's choice, and a client of it. */
class Running implements AsyncDisposable {
  readonly observer = new RecordingObserver();
  readonly client: ModelServerClient;
  readonly clients: WorkloadClients;
  readonly #channel: ReturnType<typeof openChannel>;
  readonly #server: GrpcServer;
  readonly #listener: Deno.TcpListener;
  readonly #accepting: Promise<void>;
  readonly #serving: Promise<unknown>[] = [];

  constructor(backend: ModelServerBackend = predictor()) {
    const registry = new ServiceRegistry();
    addModelServer(registry, modelServerMethods(), backend);
    this.#server = new GrpcServer(registry, {
      messageBytesMax: MESSAGE_BYTES_MAX_DEFAULT,
      observer: this.observer,
    });
    const hostname = "127.0.0.1";
    this.#listener = listen({ hostname, port: 0, sharePort: false, probePort: false });
    this.#accepting = acceptLoop(this.#listener, (connection) => {
      this.#serving.push(this.#server.serve(connection));
    }, (error) => assert.fail(String(error)));
    this.#channel = openChannel({ hostname, port: this.#listener.addr.port });
    this.client = new ModelServerClient(this.#channel);
    this.clients = { modelServer: this.client, numStore: new NumStoreClient(this.#channel) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    this.#listener.close();
    await this.#accepting;
    await this.#server.shutdown();
    await Promise.all(this.#serving);
  }
}

Deno.test({ name: "ModelServer answers the sequence of its contract", ignore }, async () => {
  await using running = new Running();
  const { client } = running;
  assert.deepEqual(await client.setCoefs([1, 2, 3]), { success: true, error: "" });
  const sequence: [inputs: number[], output: number, cacheHit: boolean][] = [
    [[1, 2, 3], 14, false],
    [[1, 2, 3], 14, true],
    [[1.00004, 2.00001, 2.99996], 14, true],
    [[2, 3, 4], 20, false],
    [[0, 0, 0], 0, false],
    [[-0, 0, -0], 0, true],
  ];
  for (const [inputs, output, cacheHit] of sequence) {
    assert.deepEqual(await client.predict(inputs), { output, "cache_hit": cacheHit, error: "" });
  }
});

Deno.test(
  { name: "ModelServer clears its cache with coefficients, also with equal ones", ignore },
  async () => {
    await using running = new Running();
    const { client } = running;
    for (let round = 0; round < 2; round++) {
      await client.setCoefs([1, 2]);
      assert.ok(!(await client.predict([3, 4])).cache_hit);
      assert.ok((await client.predict([3, 4])).cache_hit);
    }
  },
);

Deno.test({ name: "ModelServer keeps the ten inputs that were used last", ignore }, async () => {
  await using running = new Running();
  const { client } = running;
  await client.setCoefs([1]);
  for (let input = 0; input < 10; input++) await client.predict([input]);
  assert.ok((await client.predict([0])).cache_hit);
  assert.ok(!(await client.predict([10])).cache_hit);
  assert.ok((await client.predict([0])).cache_hit);
  assert.ok(!(await client.predict([1])).cache_hit);
});

Deno.test(
  { name: "ModelServer's errors stand in the response, with status OK, uncached", ignore },
  async () => {
    await using running = new Running();
    const { client, observer } = running;
    const failed = { output: 0, "cache_hit": false };
    const before = await client.predict([1]);
    assert.deepEqual({ ...before, error: "" }, { ...failed, error: "" });
    assert.match(before.error, /coefficients/);
    await client.setCoefs([1, 2, 3]);
    for (let repeat = 0; repeat < 2; repeat++) {
      const { error, ...rest } = await client.predict([1, 2]);
      assert.deepEqual(rest, failed);
      assert.match(error, /2.*3|3.*2/);
      for (const input of [NaN, Infinity, -Infinity]) {
        const { error, ...rest } = await client.predict([1, input, 3]);
        assert.deepEqual(rest, failed);
        assert.match(error, new RegExp(String(input)));
      }
    }
    const refused = await client.setCoefs(new Array(1_001).fill(1));
    assert.ok(!refused.success);
    assert.match(refused.error, /1001/);
    assert.equal((await client.predict([1, 2, 3])).output, 14);
    assert.deepEqual([...new Set(observer.ended)], ["OK"]);
  },
);

Deno.test({ name: "ModelServer ends a call that met a bug, and reports it", ignore }, async () => {
  const bug = new Error("secret");
  await using running = new Running({
    setCoefs: () => {
      throw new OperationError("invalid-argument", "for the caller", { cause: bug });
    },
    predict: () => {
      throw bug;
    },
  });
  const { client, observer } = running;
  assert.deepEqual(await client.setCoefs([]), { success: false, error: "for the caller" });
  await assert.rejects(client.predict([]), (error: Error & { code: Code }) => {
    assert.equal(error.code, Code.UNKNOWN);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  assert.deepEqual(observer.handlerErrors, [{ path: "/ModelServer/Predict", error: bug }]);
});

Deno.test({ name: "modelServerCaller() calls as workloads do", ignore }, async () => {
  await using running = new Running();
  const caller = modelServerCaller(running.client);
  await caller.setCoefs([2]);
  const prediction = await caller.predict([4]);
  assert.deepEqual(prediction, { output: 8, cacheHit: false, error: "" });
});

Deno.test(
  { name: "printedResponses() prints each response with a blank line behind it", ignore },
  async () => {
    await using running = new Running();
    const requests: WorkloadRequest[] = [
      { type: "Predict", value: { inputs: [1] } },
      { type: "SetCoefs", value: { coefs: [1, 2, 3] } },
      { type: "Predict", value: { inputs: [1, 2, 3] } },
      { type: "Predict", value: { inputs: [1, 2, 3] } },
      { type: "Predict", value: { inputs: [1e6, 0, 0] } },
      { type: "Predict", value: { inputs: [0.3333, 0, 0] } },
      { type: "Predict", value: { inputs: [0, 0, 0] } },
      { type: "Predict", value: { inputs: [1, 2] } },
    ];
    const printed = await Array.fromAsync(printedResponses(running.clients, requests));
    assert.match(printed[0], /^error: "[^"\n]+"\n\n$/);
    assert.match(printed[7], /^error: "[^"\n]+"\n\n$/);
    assert.deepEqual(printed.slice(1, 7), [
      "success: true\n\n",
      "output: 14\n\n",
      "output: 14\ncache_hit: true\n\n",
      "output: 1e+06\n\n",
      "output: 0.3333\n\n",
      "\n",
    ]);
  },
);
