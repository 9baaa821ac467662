import assert from "node:assert/strict";
import { waitUntilReady } from "../../tasks/models/example_calls.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { mayRunPrograms } from "../support/permissions.ts";
import { canRun } from "../support/programs.ts";
import { ALL_PROGRAMS } from "./programs.ts";

const FOLDER = new URL("../../examples/pipeline/", import.meta.url).pathname;

const FIRST = "c7530d1181c41478ed37473dd02abfef";
const SECOND = "ae5c527bb65dac81a85e989c06808261";
const THIRD = "cf391a72c7a3dc9590e6195f0859e244";

/** What the README of the networks says that they are off by, at most. */
const ERROR_MAX = 0.01;

const hasCurl = await canRun("curl", "--version");

/** What a script printed: an answer, and its HTTP status. */
interface Answer {
  readonly code: number;
  readonly text: string;
}

async function runScript(name: string, url: string): Promise<Answer> {
  const command = new Deno.Command(`${FOLDER}${name}.sh`, { env: { MODELSERVER_URL: url } });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  const [, text, code] = /^(.*)\n(\d+)\n$/s.exec(decoder.decode(stdout)) ?? [];
  return { code: Number(code), text };
}

interface Prediction {
  readonly status: boolean;
  readonly message: string;
  readonly result: number;
}

interface Upload {
  readonly status: boolean;
  readonly message: string;
  readonly workers_count: number;
  readonly workers: readonly { readonly result: boolean; readonly trace?: string }[];
}

interface Status {
  readonly status: boolean;
  readonly message: string;
  readonly queue_requests_current: number;
  readonly workers_count: number;
  readonly workers: readonly { readonly nn_id: string; readonly count_requests_handled: number }[];
}

const fromBase64 = (text: string) => new TextDecoder().decode(Uint8Array.fromBase64(text));

Deno.test({
  name: "examples/pipeline: scripts ask the server of their machine unless told otherwise",
  ignore: !mayRunPrograms,
}, () => {
  const scripts = [...Deno.readDirSync(FOLDER)].filter(({ name }) => name.endsWith(".sh"));
  assert.equal(scripts.length, 9);
  for (const { name } of scripts) {
    const text = Deno.readTextFileSync(`${FOLDER}${name}`);
    assert.ok(text.includes('"${MODELSERVER_URL:-http://127.0.0.1:8080}/'), name);
  }
});

Deno.test({
  name: "examples/pipeline: a script says that nobody serves, and fails",
  ignore: !hasCurl,
}, async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const env = { MODELSERVER_URL: `http://127.0.0.1:${port}` };
  const command = new Deno.Command(`${FOLDER}status.sh`, { env });
  const { code, stderr } = await command.output();
  assert.equal(code, 7);
  assert.match(new TextDecoder().decode(stderr), /Failed to connect/);
});

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: the scripts of examples/pipeline`,
    ignore: missing || !hasCurl,
  }, async (t) => {
    const flags = ["--host", "127.0.0.1", "--http-port", "0", "--pipeline-workers", "2"];
    await using running = await startServerProcess(server, flags);
    const port = running.httpPort;
    assert.ok(port !== undefined);
    await waitUntilReady(port);
    const ask = (script: string) => runScript(script, `http://127.0.0.1:${port}`);
    const askJson = async <T>(script: string): Promise<T> => {
      const { code, text } = await ask(script);
      assert.equal(code, 200, text);
      return JSON.parse(text);
    };
    const predicts = async (script: string, network: string, sum: number) => {
      const { status, message, result } = await askJson<Prediction>(script);
      assert.deepEqual({ status, message }, { status: true, message: network });
      assert.ok(Math.abs(result - sum) < ERROR_MAX, `${result}`);
      assert.equal(result, Math.fround(result));
    };

    await t.step("predict1 without weights", async () => {
      const expected = { status: false, message: "No weights loaded", result: 0 };
      assert.deepEqual(await askJson<Prediction>("predict1"), expected);
    });
    for (
      const [script, network] of [
        ["set_weights1", FIRST],
        ["set_weights2", SECOND],
        ["set_weights3", THIRD],
      ] as const
    ) {
      await t.step(script, async () => {
        assert.deepEqual(await askJson<Upload>(script), {
          status: true,
          message: "OK",
          workers_count: 2,
          workers: [{ result: true }, { result: true }],
        });
        await predicts("predict1", network, 0.1 + 0.2);
        await predicts("predict2", network, 1);
      });
    }
    const readStatus = async () => {
      const { workers, ...rest } = await askJson<Status>("status");
      assert.deepEqual(
        [rest.status, rest.message, rest.queue_requests_current, rest.workers_count],
        [true, "OK", 0, 2],
      );
      assert.deepEqual(workers.map(({ nn_id }) => nn_id), [THIRD, THIRD]);
      return workers.reduce((sum, worker) => sum + worker.count_requests_handled, 0);
    };
    await t.step("status", async () => {
      // Two of each network, and none of those without weights.
      assert.equal(await readStatus(), 6);
    });
    await t.step("predict_wrong_tensor", async () => {
      const { status, message, result } = await askJson<Prediction>("predict_wrong_tensor");
      assert.deepEqual({ status, result }, { status: false, result: 0 });
      assert.match(fromBase64(message), /1x3 and 2x20/);
    });
    await t.step("set_weights_bad_base64", async () => {
      const expected = { code: 400, text: "weights data has wrong format" };
      assert.deepEqual(await ask("set_weights_bad_base64"), expected);
    });
    await t.step("set_weights_bad_tensors", async () => {
      const upload = await askJson<Upload>("set_weights_bad_tensors");
      assert.equal(upload.status, false);
      assert.equal(upload.message, "One or more workers were failed with weights loading");
      assert.equal(upload.workers_count, 2);
      for (const { result, trace } of upload.workers) {
        assert.equal(result, false);
        assert.match(fromBase64(trace ?? ""), /Cannot read the ZIP archive: \d+ bytes without/);
      }
    });
    await t.step("the bad uploads have changed nothing", async () => {
      const handled = await readStatus();
      await predicts("predict2", THIRD, 1);
      assert.equal(await readStatus(), handled + 1);
    });
  });
}
