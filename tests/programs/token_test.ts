import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Code } from "../../lib/grpc/status.ts";
import { bearerMetadata } from "../../lib/security/bearer_auth.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { LogLines } from "./log_lines.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

const WORKLOAD = new URL("../../workload.json", import.meta.url).pathname;

const OLD = "old-secret-0123456789abcdef";
const NEW = "new-secret-0123456789abcdef";
const OTHER = "other-secret-0123456789abcdef";

function tokenFiles() {
  const folder = Deno.makeTempDirSync();
  return {
    write(name: string, ...tokens: string[]): string {
      Deno.writeTextFileSync(`${folder}/${name}`, `${tokens.join("\n")}\n`);
      return `${folder}/${name}`;
    },
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

for (const { name, server, client, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: calls need a token, and nobody writes it down`,
    ignore: missing,
  }, async (t) => {
    using files = tokenFiles();
    const flags = ["--auth-token-file", files.write("server", OLD, NEW)];
    const running = await startServerProcess(server, flags);
    const shown: string[] = [];
    for (
      const [what, token, code] of [["right", NEW, 0], ["wrong", OTHER, 1], [
        "none",
        "",
        1,
      ]] as const
    ) {
      for (const workload of [["--requests", "5"], [WORKLOAD]]) {
        await t.step(`${what}, ${workload.length === 1 ? "file" : "random"}`, async () => {
          const tokenFlags = token === "" ? [] : ["--token-file", files.write("client", token)];
          const result = await run(client, [`${running.port}`, ...workload, ...tokenFlags]);
          assert.equal(result.code, code, result.stderr);
          if (code !== 0) assert.match(result.stderr, /^client: Cannot authenticate: [^\n]*\n$/);
          shown.push(result.stdout, result.stderr);
        });
      }
    }
    await running[Symbol.asyncDispose]();
    shown.push(await running.log, (await run(server, ["--help"])).stdout);
    assert.match(shown.join(""), /tokens and calls can be read on the network/);
    assert.ok(!/secret/.test(shown.join("")), "a token was written");
  });

  Deno.test({ name: `${name}: SIGHUP changes the tokens`, ignore: missing }, async () => {
    using files = tokenFiles();
    const flags = ["--auth-token-file", files.write("server", OLD)];
    await using running = await startServerProcess(server, flags);
    const log = new LogLines(running.logLines);
    const open = (token: string) => {
      const metadata = bearerMetadata(token);
      const channel = openChannel({ hostname: "127.0.0.1", port: running.port, metadata });
      return { client: new ModelServerClient(channel), [Symbol.dispose]: () => channel.close() };
    };
    using old = open(OLD);
    using other = open(NEW);
    const refused = { code: Code.UNAUTHENTICATED };
    for (let i = 0; i < 3; i++) await old.client.setCoefs([1]);
    await assert.rejects(other.client.setCoefs([1]), refused);

    files.write("server", OLD, NEW);
    running.child.kill("SIGHUP");
    assert.equal((await log.next("reloaded")).tokens, 2);
    await old.client.setCoefs([1]);
    await other.client.setCoefs([1]);

    files.write("server", "short");
    running.child.kill("SIGHUP");
    const problem = await log.next("old credentials stay in use");
    assert.match(`${problem.message}`, /line 1 has 5 characters, at least 16 needed/);
    await old.client.setCoefs([1]);

    files.write("server", NEW);
    running.child.kill("SIGHUP");
    await log.next("reloaded");
    await assert.rejects(old.client.setCoefs([1]), refused);
    await other.client.setCoefs([1]);
  });
}
