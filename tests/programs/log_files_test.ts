import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { type ServerProcess, startServerProcess } from "../../tasks/server_process.ts";
import { SmallDisk } from "../cli/small_disk.ts";
import { TempFolder } from "../repository/temp_folder.ts";
import { LogLines } from "./log_lines.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

/** What a server without credentials says to SIGHUP: a line that can be had at will. */
const RELOADED = "nothing to reload";

/** The records of log files, the last of them in the file without a number. */
function records(folder: string): Record<string, unknown>[] {
  const number = (name: string) => Number(name.split(".")[2] ?? 0);
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.startsWith("server.log"))
    .sort((a, b) => number(b) - number(a))
    .flatMap((name) => recordsOf(Deno.readTextFileSync(`${folder}/${name}`)));
}

/** The records of JSON lines; the runtime has things to say of its own, which are none. */
function recordsOf(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

const messages = (folder: string) => records(folder).map(({ message }) => message);

/** Lets the server log one line, and waits until it has. */
async function logLine(server: ServerProcess, log: LogLines): Promise<void> {
  server.child.kill("SIGHUP");
  await log.next(RELOADED);
}

async function callsAreAnswered({ port }: ServerProcess): Promise<void> {
  const channel = openChannel({ hostname: "127.0.0.1", port });
  await new ModelServerClient(channel).setCoefs([1]);
  channel.close();
}

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: --log-dir has what stdout and stderr have`,
    ignore: missing,
  }, async () => {
    await using folder = new TempFolder();
    const path = `${folder.path}/logs`;
    const running = await startServerProcess(server, ["--log-dir", path, "--host", "0.0.0.0"]);
    await logLine(running, new LogLines(running.logLines));
    await running[Symbol.asyncDispose]();
    const isServing = ({ logger }: Record<string, unknown>) => logger === "modelserver.serving";
    const found = records(path);
    const rest = found.filter((line) => !isServing(line));
    const address = `0.0.0.0:${running.port}`;
    assert.deepEqual(found.filter(isServing).map((line) => line.address), [address]);
    assert.deepEqual(rest, recordsOf(await running.log));
    assert.deepEqual(rest.map(({ message }) => message).slice(-2), ["draining", "stopped"]);
  });

  Deno.test({
    name: `${name}: log files are bounded in length and number, over restarts too`,
    ignore: missing,
  }, async () => {
    await using folder = new TempFolder();
    const flags = ["--log-dir", folder.path, "--log-file-bytes", "4KiB", "--log-files", "3"];
    for (let start = 0; start < 2; start++) {
      await using running = await startServerProcess(server, flags);
      const log = new LogLines(running.logLines);
      for (let i = 0; i < 100; i++) await logLine(running, log);
    }
    assert.deepEqual(await folder.list(), ["server.log", "server.log.1", "server.log.2"]);
    for (const file of await folder.list()) {
      assert.ok(Deno.statSync(`${folder.path}/${file}`).size <= 4096, file);
    }
    const all = messages(folder.path);
    assert.deepEqual([all.at(-2), all.at(-1)], ["draining", "stopped"]);
    // Two full files at the least: what a line takes is not this test's to know.
    assert.ok(all.filter((message) => `${message}`.startsWith(RELOADED)).length > 30);
  });

  Deno.test({
    name: `${name}: a log folder that cannot be written ends the server before it serves`,
    ignore: missing,
  }, async () => {
    await using folder = new TempFolder();
    await folder.write({ "file": "" });
    const { code, stdout, stderr } = await run(server, ["--log-dir", `${folder.path}/file`]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^server: Cannot log to \/.*\/file\/server\.log: [^\n]*os error \d+\)\n$/);
  });

  Deno.test({
    name: `${name}: lines go to a new file when somebody has moved the old one`,
    ignore: missing,
  }, async () => {
    await using folder = new TempFolder();
    await using running = await startServerProcess(server, ["--log-dir", folder.path]);
    const log = new LogLines(running.logLines);
    // What is said at the start is in the file once this line is.
    await logLine(running, log);
    await Deno.rename(`${folder.path}/server.log`, `${folder.path}/moved`);
    await logLine(running, log);
    running.child.kill("SIGTERM");
    await running.child.status;
    assert.match(`${messages(folder.path)[0]}`, new RegExp(RELOADED));
    const moved = await Deno.readTextFile(`${folder.path}/moved`);
    assert.equal(moved.split(RELOADED).length, 2);
  });

  Deno.test({
    name: `${name}: a full disk costs lines of the log file, and is told once`,
    ignore: missing || !await SmallDisk.isPossible(),
  }, async () => {
    await using disk = await SmallDisk.mount();
    await using running = await startServerProcess(server, ["--log-dir", disk.path]);
    const log = new LogLines(running.logLines);
    const ballast = `${disk.path}/ballast`;
    fillUp(ballast);
    // What is left of the file's last page takes some lines yet.
    const left = 4096;
    for (let bytes = 0; bytes < left; bytes += 50) await logLine(running, log);
    await callsAreAnswered(running);
    await Deno.remove(ballast);
    running.child.kill("SIGHUP");
    const again = await log.next("gets lines again");
    await callsAreAnswered(running);
    running.child.kill("SIGTERM");
    assert.equal((await running.child.status).code, 0);
    const all = recordsOf(await running.log);
    const told = all.filter(({ logger }) => logger === "modelserver.log");
    assert.deepEqual(told.map(({ level, message }) => [level, message]), [
      ["error", "the log file misses lines"],
      ["warning", "the log file gets lines again"],
    ]);
    assert.match(`${told[0].reason}`, /^No space left on device/);
    // The file has the line of stdout, and has not those that tell of it.
    assert.equal(records(disk.path).length, 1 + all.length - told.length - Number(again.lost));
    assert.equal(messages(disk.path).at(-1), "stopped");
  });
}

/** Takes all room of a file system. */
function fillUp(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const page = new Uint8Array(4096);
  try {
    for (;;) file.writeSync(page);
  } catch (error) {
    assert.match(`${error}`, /No space left on device/);
  }
}
