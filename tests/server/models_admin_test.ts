import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Code } from "../../lib/grpc/status.ts";
import { bearerMetadata } from "../../lib/security/bearer_auth.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import { inferenceMethods } from "../../lib/services/inference_contract.ts";
import { SERVER_FROM_SOURCES, startServerProcess } from "../../tasks/server_process.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { probe, probeModel } from "../support/probe_model.ts";
import { writeModelFile } from "../support/served_models.ts";

const CALLER = "caller-token-0123456789";
const ADMIN = "admin-token-0123456789";
const OTHER_ADMIN = "other-admin-token-0123456789";

Deno.test({
  name: "models: with --admin-token-file an administrator loads and unloads, a caller infers",
  ignore: !mayLoadModels,
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "models-admin-" });
  try {
    for (const [path, content] of Object.entries(probeModel("m"))) {
      await writeModelFile(`${folder}/models`, path, content);
    }
    await Deno.writeTextFile(`${folder}/callers`, CALLER);
    await Deno.writeTextFile(`${folder}/admins`, ADMIN);
    const flags = ["--models", `${folder}/models`, "--model-mode", "explicit", "--threads", "2"]
      .concat("--auth-token-file", `${folder}/callers`, "--admin-token-file", `${folder}/admins`)
      .concat("--http-port", "0");
    await using running = await startServerProcess(SERVER_FROM_SOURCES, flags);
    const rest = async (path: string, token: string) => {
      const response = await fetch(`http://127.0.0.1:${running.httpPort}/v2/repository/${path}`, {
        method: "POST",
        headers: token === "" ? {} : { authorization: `Bearer ${token}` },
      });
      await response.body?.cancel();
      return response.status;
    };
    const open = (token: string) => {
      const metadata = bearerMetadata(token);
      const channel = openChannel({ hostname: "127.0.0.1", port: running.port, metadata });
      const { repositoryModelLoad, repositoryModelUnload } = inferenceMethods();
      const request = { repository_name: "", model_name: "m", parameters: {} };
      return {
        client: new InferenceClient(channel),
        load: () => channel.unary(repositoryModelLoad, request),
        unload: () => channel.unary(repositoryModelUnload, request),
        [Symbol.dispose]: () => channel.close(),
      };
    };
    using caller = open(CALLER);
    using admin = open(ADMIN);
    using nobody = open(OTHER_ADMIN);
    const denied = { code: Code.PERMISSION_DENIED };

    await assert.rejects(caller.load(), denied);
    await assert.rejects(nobody.load(), { code: Code.UNAUTHENTICATED });
    assert.equal(await rest("models/m/load", CALLER), 403);
    assert.equal(await rest("models/m/%6Coad", CALLER), 403);
    assert.equal(await rest("models/m/load", ""), 401);
    assert.equal(await rest("index", CALLER), 200);
    assert.equal(await caller.client.modelReady("m"), false);

    await admin.load();
    assert.deepEqual((await probe(caller.client, "m", [1])).y, [2]);
    assert.deepEqual((await probe(admin.client, "m", [1])).y, [2]);
    await assert.rejects(caller.unload(), denied);
    assert.equal(await rest("models/m/unload", CALLER), 403);
    assert.equal(await rest("models/m/unload", ADMIN), 200);
    assert.equal(await rest("models/m/load", ADMIN), 200);

    await Deno.writeTextFile(`${folder}/admins`, OTHER_ADMIN);
    running.child.kill("SIGHUP");
    for await (const line of running.logLines) if (/"reloaded"/.test(line)) break;
    await assert.rejects(admin.unload(), { code: Code.UNAUTHENTICATED });
    await nobody.unload();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
