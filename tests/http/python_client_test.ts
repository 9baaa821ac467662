import assert from "node:assert/strict";
import { hasPythonModule } from "../support/python.ts";
import { runPython } from "./python_peer.ts";
import { TestHttpServer } from "./test_http.ts";

Deno.test({
  name: "tritonclient.http: all datatypes, metadata, repository, errors, compression",
  ignore: !hasPythonModule("tritonclient.http"),
}, async () => {
  await using test = new TestHttpServer({ bodyBytesMax: 4_194_304 });
  await runPython("triton_client.py", [String(test.server.port)]);
  assert.deepEqual(test.backend.loaded, ["echo"]);
  assert.deepEqual(test.backend.unloaded, ["echo"]);
  assert.equal(test.observer.errors.length, 1);
});
