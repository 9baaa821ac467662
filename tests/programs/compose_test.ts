import assert from "node:assert/strict";
import { parseServerFlags } from "../../lib/cli/server_flags.ts";
import { type ServerCommand, startServerProcess } from "../../tasks/server_process.ts";
import { mayServe } from "../support/permissions.ts";
import { canRun } from "../support/programs.ts";
import { ALL_PROGRAMS } from "./programs.ts";

const ROOT = new URL("../../", import.meta.url);
const CHECK = new URL("examples/compose/check.sh", ROOT).pathname;

const hasCurl = await canRun("curl", "--version");

/** The lines of a list of the server's in compose.yaml. */
function listOf(compose: string, name: string): string[] {
  const server = compose.slice(compose.indexOf("\n  server:"), compose.indexOf("\n  redis:"));
  const [, list] = new RegExp(`\n    ${name}:\n((?:      .*\n)+)`).exec(server) ?? [];
  return list.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("- "))
    .map((line) => line.slice(2));
}

Deno.test({
  name: "compose.yaml: flags, ports and volumes are those that the server and its image have",
  ignore: !mayServe,
}, async () => {
  const compose = await Deno.readTextFile(new URL("compose.yaml", ROOT));
  const dockerfile = await Deno.readTextFile(new URL("Dockerfile", ROOT));
  const outcome = parseServerFlags(listOf(compose, "command"), () => undefined);
  assert.ok(outcome.kind === "run", outcome.kind === "exit" ? outcome.stderr : "");
  const { port, httpPort, logFile } = outcome.flags;
  assert.deepEqual(listOf(compose, "ports"), [port, httpPort].map((p) => `127.0.0.1:${p}:${p}`));
  assert.match(dockerfile, new RegExp(`^EXPOSE ${port} ${httpPort}$`, "m"));
  assert.deepEqual(listOf(compose, "volumes"), [`logs:${logFile?.folder}`]);
  assert.match(dockerfile, new RegExp(`mkdir .*/volumes${logFile?.folder}\\b`));
});

/** What the test of compose.yaml says of a server. */
async function check(server: ServerCommand, flags: readonly string[]) {
  const all = ["--host", "127.0.0.1", "--http-port", "0", "--store", "memory", ...flags];
  await using running = await startServerProcess(server, all);
  const env = {
    MODELSERVER_URL: `http://127.0.0.1:${running.httpPort}`,
    MODELSERVER_GRPC_URL: `http://127.0.0.1:${running.port}`,
  };
  const { code, stdout } = await new Deno.Command(CHECK, { env }).output();
  return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
}

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: what compose.yaml's test runs works`,
    ignore: missing || !hasCurl,
  }, async () => {
    const { code, lines } = await check(server, ["--pipeline-workers", "2"]);
    assert.deepEqual(lines.filter((line) => !line.startsWith("ok ")), []);
    assert.deepEqual([code, lines.length], [0, 11]);
  });

  Deno.test({
    name: `${name}: what compose.yaml's test runs fails on a server without workers`,
    ignore: missing || !hasCurl,
  }, async () => {
    const { code, lines } = await check(server, []);
    assert.equal(code, 1);
    assert.match(lines[0], /^FAILED {2}pipeline\/set_weights1\.sh: .* 503 , needs /);
    assert.deepEqual(lines.slice(-2), ["ok      invoke", "ok      stored"]);
  });
}
