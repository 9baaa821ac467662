import assert from "node:assert/strict";
import { mayLoadModels } from "../support/permissions.ts";
import { PROBE, probe, probeConfig } from "../support/probe_model.ts";
import { serveModels } from "../support/served_models.ts";

/** Doubles x, records it, and ends its thread where a probe would. */
const RECORDING = `
export function predict(batch, { recordStatistic }) {
  for (const { x } of batch) {
    if (x === ${PROBE.exit}) Deno.exit(3);
    recordStatistic({ x });
  }
  return batch.map(({ x }) => ({ y: 2 * x, rows: batch.length, call: 1 }));
}
`;

Deno.test({
  name: "models: what was recorded stays in the sums when its instance is replaced",
  ignore: !mayLoadModels,
}, async () => {
  await using served = await serveModels({
    "m/model.json": probeConfig(),
    "m/1/model.js": RECORDING,
  });
  const [client] = served.clients(1);
  for (const x of [1, 2, 3]) await probe(client, "m", [x]);
  await served.until("m", ({ recorded }) => recorded.x?.count === 3);
  await assert.rejects(probe(client, "m", [PROBE.exit]));
  let count = 3;
  await probe(client, "m", [10]);
  await served.until("m", ({ recorded }) => {
    assert.ok(recorded.x.count >= count, `${count}, then ${recorded.x.count}`);
    count = recorded.x.count;
    return count === 4;
  });
  const { recorded, instancesReplaced } = served.statistics("m");
  assert.deepEqual(recorded.x, { count: 4, sum: 16, min: 1, max: 10 });
  assert.equal(instancesReplaced, 2);
});
