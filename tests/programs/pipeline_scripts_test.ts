import assert from "node:assert/strict";
import { type Answer, decodeTrace, servePipeline } from "../pipeline/served_pipeline.ts";
import { mayLoadModels, mayRunPrograms } from "../support/permissions.ts";
import { canRun } from "../support/programs.ts";

const FOLDER = new URL("../../examples/pipeline", import.meta.url).pathname;

/** What a script prints: the body of the answer, and its status. */
async function run(script: string, url: string): Promise<{ text: string; status: number }> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: [`${FOLDER}/${script}.sh`],
    env: { MODELSERVER_URL: url },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return { text: lines.slice(0, -1).join("\n"), status: Number(lines.at(-1)) };
}

Deno.test({
  name: "examples/pipeline: each script says what the documentation says",
  ignore: !mayRunPrograms || !mayLoadModels || !await canRun("curl", "--version"),
}, async () => {
  await using pipeline = await servePipeline(2);
  const answer = async (script: string): Promise<Answer> => {
    const { text, status } = await run(script, pipeline.url);
    assert.equal(status, 200, text);
    return JSON.parse(text);
  };
  const none = { status: false, message: "No weights loaded", result: 0 };
  assert.deepEqual(await answer("predict1"), none);
  const ids: unknown[] = [];
  for (const number of [1, 2, 3]) {
    const { status, message, workers_count } = await answer(`set_weights${number}`);
    assert.deepEqual([status, message, workers_count], [true, "OK", 2]);
    const sums = [await answer("predict1"), await answer("predict2")];
    assert.equal(sums[0].message, sums[1].message);
    ids.push(sums[0].message);
    for (const [i, sum] of [0.3, 1].entries()) {
      assert.ok(Math.abs(Number(sums[i].result) - sum) < 0.05, `${sums[i].result}`);
    }
  }
  assert.equal(new Set(ids).size, 3);
  const wrong = await answer("predict_wrong_tensor");
  assert.deepEqual([wrong.status, wrong.result], [false, 0]);
  assert.match(decodeTrace(wrong.message), /1x3 and 2x20/);
  const notBase64 = await run("set_weights_bad_base64", pipeline.url);
  assert.deepEqual(notBase64, { text: "weights data has wrong format", status: 400 });
  const bad = await answer("set_weights_bad_tensors");
  assert.equal(bad.message, "One or more workers were failed with weights loading");
  for (const { trace } of bad.workers as readonly Answer[]) {
    assert.match(decodeTrace(trace), /Cannot read the ZIP archive: 36 bytes/);
  }
  const { workers } = await answer("status");
  for (const { nn_id } of workers as readonly Answer[]) assert.equal(nn_id, ids[2]);
});
