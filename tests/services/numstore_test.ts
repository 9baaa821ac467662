import assert from "node:assert/strict";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { Code } from "../../lib/grpc/status.ts";
import { NumStore } from "../../lib/numstore/num_store.ts";
import {
  allocateNumStore,
  type NumStoreLimits,
  openNumStore,
} from "../../lib/numstore/num_store_memory.ts";
import { printedResponses } from "../../lib/services/file_workload.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { numStoreCaller } from "../../lib/services/numstore_caller.ts";
import { NumStoreClient } from "../../lib/services/numstore_client.ts";
import { numStoreMethods, numStoreSource } from "../../lib/services/numstore_contract.ts";
import { addNumStore, type NumStoreBackend } from "../../lib/services/numstore_service.ts";
import { parseWorkloadFile } from "../../lib/workload/file.ts";
import { mayUseNet, TestServer } from "../grpc/test_server.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function newStore(limits: Partial<NumStoreLimits> = {}): NumStore {
  const all = { keys: 100, bytes: 65_536, cacheEntries: 10, ...limits };
  return new NumStore(openNumStore(allocateNumStore(all), 1));
}

function startServer(backend: NumStoreBackend = newStore()): TestServer {
  return new TestServer({}, {
    register: (registry) => addNumStore(registry, numStoreMethods(), backend),
  });
}

/** Runs a test over connections in memory, and over sockets where that is allowed. */
function test(
  name: string,
  run: (client: NumStoreClient, server: TestServer) => Promise<void>,
  backend: () => NumStoreBackend = newStore,
): void {
  Deno.test(`NumStore over memory ${name}`, async () => {
    await using server = startServer(backend());
    await run(new NumStoreClient(server.channel()), server);
  });
  Deno.test({ name: `NumStore over sockets ${name}`, ignore: !mayUseNet }, async () => {
    await using server = startServer(backend());
    await run(new NumStoreClient(server.tcpChannel(server.listen())), server);
  });
}

test("answers the sequence of its contract", async (client) => {
  for (const [key, value, total] of [["A", 1n, 1n], ["B", 10n, 11n], ["A", 5n, 15n]] as const) {
    assert.deepEqual(await client.setNum(key, value), { total });
  }
  assert.deepEqual(await client.setNum("B", 0n), { total: 5n });
  assert.deepEqual(await client.fact("A"), { value: 120n, hit: false, error: "" });
  assert.deepEqual(await client.fact("A"), { value: 120n, hit: true, error: "" });
  assert.deepEqual(await client.fact("B"), { value: 1n, hit: false, error: "" });
});

test("keeps int64 exact all the way", async (client) => {
  for (const value of [INT64_MAX, INT64_MIN, 2n ** 53n + 1n, -1n, 0n]) {
    assert.deepEqual(await client.setNum("A", value), { total: value });
  }
  await client.setNum("A", 20n);
  assert.equal((await client.fact("A")).value, 2432902008176640000n);
});

test("tells Fact's errors in the response, with status OK", async (client, { observer }) => {
  const failed = { value: 0n, hit: false };
  const cases: [value: bigint | undefined, message: RegExp][] = [
    [undefined, /"my key" was never set/],
    [-1n, /"my key" is -1, needs 0 to 20/],
    [21n, /"my key" is 21, needs 0 to 20/],
    [INT64_MIN, /is -9223372036854775808/],
  ];
  for (const [value, message] of cases) {
    if (value !== undefined) await client.setNum("my key", value);
    const { error, ...rest } = await client.fact("my key");
    assert.deepEqual(rest, failed);
    assert.match(error, message);
  }
  assert.deepEqual([...new Set(observer.ended)], ["OK"]);
});

test("ends a SetNum that is refused with its status, and changes nothing", async (client) => {
  await client.setNum("A", INT64_MAX);
  const overflow = { code: Code.OUT_OF_RANGE, message: /would be 9223372036854775808/ };
  await assert.rejects(client.setNum("B", 1n), overflow);
  await client.setNum("A", INT64_MIN);
  const underflow = { code: Code.OUT_OF_RANGE, message: /would be -9223372036854775809/ };
  await assert.rejects(client.setNum("B", -1n), underflow);
  const tooLong = { code: Code.INVALID_ARGUMENT, message: /the key has 1025 bytes/ };
  await assert.rejects(client.setNum("k".repeat(1_025), 1n), tooLong);
  assert.match((await client.fact("B")).error, /never set/);
  assert.deepEqual(await client.setNum("A", 0n), { total: 0n });
});

test(
  "refuses new keys past its bounds, and sets the old ones",
  async (client) => {
    await client.setNum("A", 1n);
    await client.setNum("B", 2n);
    const full = { code: Code.RESOURCE_EXHAUSTED, message: /there are 2 keys, at most 2 allowed/ };
    await assert.rejects(client.setNum("C", 3n), full);
    assert.deepEqual(await client.setNum("A", 4n), { total: 6n });
    assert.match((await client.fact("C")).error, /"C" was never set/);
    assert.equal((await client.fact("A")).value, 24n);
  },
  () => newStore({ keys: 2 }),
);

test("tells all keys apart", async (client) => {
  const keys = [
    "",
    " ",
    "a",
    "A",
    "ä",
    "a\u0308",
    "\0",
    "\0\0",
    "__proto__",
    "😀",
    "x".repeat(999),
  ];
  for (const [index, key] of keys.entries()) await client.setNum(key, BigInt(index));
  const values: bigint[] = [];
  for (const key of keys) values.push((await client.fact(key)).value);
  assert.deepEqual(values, [1n, 1n, 2n, 6n, 24n, 120n, 720n, 5040n, 40320n, 362880n, 3628800n]);
});

Deno.test("NumStore ends a call that met a bug, and reports it", async () => {
  const bug = new Error("secret");
  const throwing = (error: Error) => () => {
    throw error;
  };
  await using server = startServer({
    setNum: throwing(bug),
    fact: throwing(bug),
  });
  const client = new NumStoreClient(server.channel());
  for (const call of [() => client.setNum("A", 1n), () => client.fact("A")]) {
    await assert.rejects(call, (error: Error & { code: Code }) => {
      assert.equal(error.code, Code.UNKNOWN);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  assert.equal(server.observer.handlerErrors.length, 2);
});

Deno.test("numStoreMethods() are what numstore.proto says", () => {
  const file = new ProtoFile(numStoreSource.text);
  const { setNum, fact } = numStoreMethods();
  const cases = [
    [setNum, "SetNum", { key: "ä", value: `${INT64_MIN}` }, { total: `${INT64_MAX}` }],
    [fact, "Fact", { key: "ä" }, { value: "2432902008176640000", hit: true, error: "no" }],
  ] as const;
  for (const [method, name, request, response] of cases) {
    const loaded = file.method<"unary", object, object>("NumStore", name, "unary");
    assert.deepEqual([method.kind, method.path], [loaded.kind, loaded.path]);
    for (const [side, message] of [["request", request], ["response", response]] as const) {
      const bytes = new Uint8Array(loaded[side].encodedBytesMax(message));
      loaded[side].encode(message, bytes, 0);
      const decoded: object = method[side].decode(bytes, 0, bytes.length);
      const texts = Object.entries(decoded).map(([field, value]) => [
        field,
        typeof value === "bigint" ? `${value}` : value,
      ]);
      assert.deepEqual(Object.fromEntries(texts), message);
    }
  }
});

Deno.test("numStoreCaller() calls as workloads do", async () => {
  await using server = startServer();
  const caller = numStoreCaller(new NumStoreClient(server.channel()));
  assert.deepEqual(await caller.setNum("A", 3n), { total: 3n });
  assert.deepEqual(await caller.fact("A"), { value: 6n, hit: false, error: "" });
});

Deno.test("printedResponses() prints NumStore's responses, and stops at a refused SetNum", async () => {
  await using server = startServer();
  const channel = server.channel();
  const clients = {
    modelServer: new ModelServerClient(channel),
    numStore: new NumStoreClient(channel),
  };
  const set = (key: string, value: unknown) => ({ type: "SetNum", value: { key, value } });
  const fact = (key: string) => ({ type: "Fact", value: { key } });
  const requests = [
    ...[set("A", 1), set("B", 10), set("A", 5), set("B", 0), fact("A"), fact("A"), set("A", -5)],
    ...[
      fact("C"),
      set("A", 20),
      fact("A"),
      set("A", "9223372036854775807"),
      set("B", 1),
      fact("A"),
    ],
  ];
  const workload = parseWorkloadFile(JSON.stringify({ requests }), "w");
  const printed: string[] = [];
  await assert.rejects(async () => {
    for await (const text of printedResponses(clients, workload)) printed.push(text);
  }, { code: Code.OUT_OF_RANGE });
  assert.deepEqual(printed, [
    "total: 1\n\n",
    "total: 11\n\n",
    "total: 15\n\n",
    "total: 5\n\n",
    "value: 120\n\n",
    "value: 120\nhit: true\n\n",
    "total: -5\n\n",
    'error: "Cannot compute a factorial: key \\"C\\" was never set"\n\n',
    "total: 20\n\n",
    "value: 2432902008176640000\n\n",
    "total: 9223372036854775807\n\n",
  ]);
});
