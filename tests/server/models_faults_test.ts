import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { PROBE, probe, ProbeGate, probeModel, probeScript } from "../support/probe_model.ts";
import { serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

/** Long enough for honest batches of a busy machine. */
const TIMEOUT_MS = 1_500;

const FATAL = {
  "throws outside of a call": PROBE.throws,
  "calls self.close()": PROBE.close,
  "calls Deno.exit()": PROBE.exit,
  "loops for ever": PROBE.loops,
  "never settles its promise": PROBE.silent,
};

for (const [what, x] of Object.entries(FATAL)) {
  Deno.test(
    { name: `models: an instance that ${what} is replaced, and harms nobody`, ignore },
    async () => {
      await using served = await serveModels({
        ...probeModel("fatal", { timeoutMs: TIMEOUT_MS }),
        ...probeModel("other"),
      });
      using gate = new ProbeGate("fatal");
      const [client, ...others] = served.clients(6);
      const before = await probe(client, "fatal", [1]);
      assert.equal(before.call, 1);
      const fatal = assert.rejects(() => probe(client, "fatal", [x]), (error) => {
        assert.ok(error instanceof GrpcError);
        assert.equal(error.code, Code.UNAVAILABLE, error.message);
        assert.match(error.message, /"fatal".*two instances/);
        return true;
      });
      await gate.begun(2);
      // In line behind it, and with another model, nobody notices.
      const behind = others.map((each, i) => probe(each, "fatal", [i + 2]));
      const elsewhere = await Promise.all(others.map((each) => probe(each, "other", [4])));
      await fatal;
      for (const [i, { y }] of (await Promise.all(behind)).entries()) {
        assert.deepEqual(y, [2 * i + 4]);
      }
      for (const { y } of elsewhere) assert.deepEqual(y, [8]);
      assert.equal(
        gate.batches.filter(([first]) => first === x).length,
        2,
        "it is tried once more",
      );
      assert.equal(served.statistics("fatal").instancesReplaced, 2);
      assert.equal(served.statistics("other").instancesReplaced, 0);
    },
  );
}

Deno.test(
  { name: "models: a batch that kills its instance is run again one by one", ignore },
  async () => {
    const config = { batching: { maxBatchSize: 8, maxDelayMs: 200 }, timeoutMs: TIMEOUT_MS };
    await using served = await serveModels(probeModel("batch", config));
    const clients = served.clients(8);
    const xs = [1, 2, 3, PROBE.exit, 5, 6, 7, 8];
    const outcomes = await Promise.allSettled(xs.map((x, i) => probe(clients[i], "batch", [x])));
    for (const [i, outcome] of outcomes.entries()) {
      if (xs[i] === PROBE.exit) {
        assert.equal(outcome.status, "rejected");
        assert.equal((outcome as PromiseRejectedResult).reason.code, Code.UNAVAILABLE);
      } else assert.equal(outcome.status, "fulfilled", `${xs[i]}`);
    }
  },
);

Deno.test({ name: "models: other instances go on while one is replaced", ignore }, async () => {
  const config = { instances: 2, timeoutMs: TIMEOUT_MS };
  await using served = await serveModels(probeModel("pair", config));
  using gate = new ProbeGate("pair");
  const clients = served.clients(5);
  const hung = probe(clients[0], "pair", [PROBE.silent]).catch((error) => error.code);
  await gate.begun(1);
  let answered = 0;
  for (let i = 0; i < 50; i++) {
    const answers = await Promise.all(clients.slice(1).map((client) => probe(client, "pair", [i])));
    for (const { y } of answers) assert.deepEqual(y, [2 * i]);
    answered += answers.length;
  }
  assert.equal(answered, 200);
  assert.equal(await hung, Code.UNAVAILABLE);
  assert.equal(served.statistics("pair").instancesReplaced, 2);
});

for (
  const [what, x] of Object.entries({
    "ends its thread": PROBE.closesLater,
    "loops for ever": PROBE.loopsLater,
  })
) {
  Deno.test({ name: `models: an idle instance that ${what} is replaced`, ignore }, async () => {
    await using served = await serveModels(probeModel("idle", { timeoutMs: TIMEOUT_MS }));
    const [client] = served.clients(1);
    // The answer may be lost with the thread: then it is computed once more.
    await probe(client, "idle", [x]);
    assert.deepEqual((await probe(client, "idle", [4])).y, [8]);
    assert.ok(served.statistics("idle").instancesReplaced > 0);
  });
}

Deno.test({
  name: "models: a model whose instance cannot be loaded any more fails at once, and comes back",
  ignore,
}, async () => {
  await using served = await serveModels({
    ...probeModel("gone"),
    "gone/1/model.js": `
      export const load = async ({ environment: { folder } }) => {
        const broken = await Deno.readTextFile(folder + "/.broken").catch(() => "");
        if (broken !== "") throw new Error(broken);
      };
      export const predict = (batch) => {
        if (batch[0].x < 0) Deno.exit();
        return batch.map(({ x }) => ({ y: 2 * x, rows: batch.length, call: 1 }));
      };
    `,
  });
  const clients = served.clients(4);
  const unavailable = (error: unknown, text: RegExp) => {
    assert.ok(error instanceof GrpcError);
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(error.message, text);
    return true;
  };
  assert.deepEqual((await probe(clients[0], "gone", [1])).y, [2]);
  await served.write("gone/1/.broken", "no licence");
  const first = clients.map((client, i) =>
    assert.rejects(
      () => probe(client, "gone", [i === 0 ? -1 : i]),
      (error) =>
        unavailable(error, /"gone" has no instance left: .*no licence|"gone".*no instance/),
    )
  );
  await Promise.allSettled(first);
  // From the first failure on nobody waits, whether another attempt is under way or not.
  for (let i = 0; i < 20; i++) {
    await assert.rejects(
      () => probe(clients[i % 4], "gone", [1]),
      (error) => unavailable(error, /"gone".*no instance is left/),
    );
  }
  await served.write("gone/1/.broken", "");
  for (;;) {
    const answer = await probe(clients[0], "gone", [3]).catch(() => undefined);
    if (answer === undefined) continue;
    assert.deepEqual(answer.y, [6]);
    break;
  }
});

Deno.test({
  name: "models: an instance of changed files does not serve as the version that was loaded",
  ignore,
}, async () => {
  await using served = await serveModels({ ...probeModel("edited", { cache: {} }) });
  const [client] = served.clients(1);
  assert.deepEqual((await probe(client, "edited", [1])).y, [2]);
  await served.write("edited/1/model.js", probeScript(5));
  await assert.rejects(() => probe(client, "edited", [PROBE.exit]), (error) => {
    assert.ok(error instanceof GrpcError);
    assert.equal(error.code, Code.UNAVAILABLE);
    return true;
  });
  await assert.rejects(() => probe(client, "edited", [3]), /no instance/);
  const url = `${served.rest}/repository/models/edited/load`;
  const loaded = await fetch(url, { method: "POST" });
  assert.equal(loaded.status, 200, await loaded.text());
  assert.deepEqual((await probe(client, "edited", [1])).y, [5]);
});
