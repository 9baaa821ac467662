import assert from "node:assert/strict";
import { readS3Settings } from "../../lib/repository/sources/s3_settings.ts";
import { s3Source } from "../../lib/repository/sources/s3_source.ts";
import { mayRunPrograms } from "../support/permissions.ts";

const KEY = "a b/model+1.onnx";
const NEVER = new AbortController().signal;

/** Whether Python with moto's server is here, and this test run may start it. */
function hasMoto(): boolean {
  if (!mayRunPrograms) return false;
  try {
    const args = ["-c", "import boto3, moto.server"];
    const quiet = { stdout: "null", stderr: "null" } as const;
    return new Deno.Command("python3", { args, ...quiet }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test(
  { name: "s3Source() reads from moto's server, signed", ignore: !hasMoto() },
  async (t) => {
    const program = new URL("fixtures/s3_server.py", import.meta.url).pathname;
    await using server = new Deno.Command("python3", {
      args: [program],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let printed = "";
    while (!printed.endsWith("\n")) {
      const { value, done } = await reader.read();
      assert.ok(!done, "the server has ended before it printed its port");
      printed += value;
    }
    await reader.cancel();
    const [port, id, secret] = printed.trim().split(" ");
    const variables: Record<string, string> = {
      AWS_ACCESS_KEY_ID: id,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    };
    const settings = readS3Settings((name) => variables[name]);
    const source = s3Source("models", KEY, settings);
    await t.step("reads, and asks whether it has changed", async () => {
      const file = await source.open(undefined, NEVER);
      assert.ok(file !== "unchanged");
      assert.equal(await new Response(file.body).text(), "weights");
      assert.ok(file.validator !== undefined);
      assert.equal(await source.open(file.validator, NEVER), "unchanged");
    });
    await t.step("says that there is no such object", async () => {
      await assert.rejects(s3Source("models", "none", settings).open(undefined, NEVER), {
        code: "not-found",
        message: "Cannot fetch s3://models/none: it answered 404 Not Found (NoSuchKey), needs 200",
      });
    });
    await t.step("says that the secret is wrong", async () => {
      const credentials = { accessKeyId: id, secretAccessKey: "x", sessionToken: undefined };
      const wrong = s3Source("models", KEY, { ...settings, credentials });
      await assert.rejects(wrong.open(undefined, NEVER), { message: /SignatureDoesNotMatch/ });
    });
    await server.stdin.close();
  },
);
