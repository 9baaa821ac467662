import assert from "node:assert/strict";
import { Code } from "../../lib/grpc/status.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { HELD, PROBE, probe, ProbeGate, probeModel, probeScript } from "../support/probe_model.ts";
import { type ServedModels, serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;
const CONNECTIONS = 8;

for (
  const [what, config] of Object.entries({ "in batches": { batching: {} }, cached: { cache: {} } })
) {
  Deno.test({
    name:
      `models: 20 swaps under load fail no call, and none is answered by what was replaced (${what})`,
    ignore,
  }, async () => {
    await using served = await serveModels(probeModel("swap", config));
    const clients = served.clients(CONNECTIONS);
    /** What the model multiplies by, from when on for sure, and at most. */
    let least = 2;
    let most = 2;
    let over = false;
    const callers = clients.map(async (client, i) => {
      let calls = 0;
      for (; !over; calls++) {
        const atLeast = least;
        const x = 1 + (i + calls) % 5;
        const { y: [y] } = await probe(client, "swap", [x]);
        assert.ok(y >= x * atLeast && y <= x * most, `${y / x} is not of ${atLeast} to ${most}`);
      }
      return calls;
    });
    const all = Promise.all(callers);
    all.catch(() => {});
    for (let scale = 3; scale < 23; scale++) {
      await served.write("swap/1/model.js", probeScript(scale));
      most = scale;
      await load(served, "swap");
      least = scale;
    }
    over = true;
    for (const calls of await all) assert.ok(calls > 20, `${calls} calls`);
  });
}

Deno.test(
  { name: "models: what runs when its version is replaced is answered by it", ignore },
  async () => {
    await using served = await serveModels(probeModel("drain"));
    using gate = new ProbeGate("drain");
    const clients = served.clients(4);
    const held = probe(clients[0], "drain", [HELD]);
    await gate.begun(1);
    const queued = probe(clients[1], "drain", [1]);
    await served.until("drain", ({ queued }) => queued === 1);
    await served.write("drain/1/model.js", probeScript(3));
    await load(served, "drain");
    assert.deepEqual((await probe(clients[2], "drain", [1])).y, [3]);
    gate.open();
    assert.deepEqual((await held).y, [2 * HELD]);
    assert.deepEqual((await queued).y, [2]);
  },
);

Deno.test({
  name: "models: an instance that dies while its version drains takes none of the others with it",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("last"));
  using gate = new ProbeGate("last");
  const clients = served.clients(4);
  const answers = [probe(clients[0], "last", [HELD])];
  await gate.begun(1);
  for (const [i, x] of [5, PROBE.exit, 6].entries()) {
    answers.push(probe(clients[i + 1], "last", [x]));
    await served.until("last", ({ queued }) => queued === i + 1);
  }
  const all = Promise.allSettled(answers);
  await served.write("last/2/model.js", probeScript(3));
  await load(served, "last");
  gate.open();
  const outcomes = (await all).map((outcome) =>
    outcome.status === "fulfilled" ? outcome.value.y[0] : outcome.reason.code
  );
  assert.deepEqual(outcomes, [2 * HELD, 10, Code.UNAVAILABLE, 12]);
  assert.deepEqual((await probe(clients[0], "last", [6])).y, [18]);
});

Deno.test({ name: "models: threads level off over 30 reloads", ignore }, async () => {
  const config = { cache: { bytes: 8_388_608 }, queue: { bytes: 8_388_608 } };
  await using served = await serveModels(probeModel("leak", config));
  const [client] = served.clients(1);
  const reload = async (from: number, to: number) => {
    for (let scale = from; scale < to; scale++) {
      await served.write("leak/1/model.js", probeScript(scale));
      await load(served, "leak");
      assert.deepEqual((await probe(client, "leak", [1])).y, [scale]);
    }
  };
  await reload(2, 12);
  const before = threadsNow();
  await reload(12, 42);
  // A generation's instance ends only after the next has taken over.
  while (threadsNow() > before + 8) await new Promise((resolve) => setTimeout(resolve, 10));
});

/** Source: proc(5), /proc/pid/status. */
function threadsNow(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]);
}

async function load({ rest }: ServedModels, model: string): Promise<void> {
  const response = await fetch(`${rest}/repository/models/${model}/load`, { method: "POST" });
  assert.equal(response.status, 200, await response.text());
}
