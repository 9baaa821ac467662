import assert from "node:assert/strict";
import { readS3Settings } from "../../lib/repository/sources/s3_settings.ts";
import { s3Source } from "../../lib/repository/sources/s3_source.ts";
import { PythonServer } from "../grpc/python_peer.ts";
import { hasPythonModule } from "../support/python.ts";

const KEY = "a b/model-1.onnx";
const NEVER = new AbortController().signal;

Deno.test(
  {
    name: "s3Source() reads from moto's server, signed",
    ignore: !hasPythonModule("boto3, moto.server"),
  },
  async (t) => {
    await using server = await PythonServer.start("../../repository/fixtures/s3_server.py");
    const [id, secret] = server.printed;
    const variables: Record<string, string> = {
      AWS_ACCESS_KEY_ID: id,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${server.port}`,
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
  },
);
