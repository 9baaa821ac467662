import assert from "node:assert/strict";
import type { LogFileOptions } from "../../lib/cli/log_file.ts";
import { type LogFormat, logServing, moduleLogger, openLogging } from "../../lib/cli/logging.ts";
import { mayUseFolders, TempFolder } from "../repository/temp_folder.ts";

/** Keeps what is written, at most `chunkBytes` at a time. */
class FakeStream {
  readonly #bytes: number[] = [];
  readonly #chunkBytes: number;

  constructor(chunkBytes = Infinity) {
    this.#chunkBytes = chunkBytes;
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#bytes));
  }

  writeSync(bytes: Uint8Array): number {
    const written = bytes.subarray(0, this.#chunkBytes);
    this.#bytes.push(...written);
    return written.length;
  }
}

/** What was written while `log` ran. */
function capture(
  format: LogFormat,
  log: () => void,
  file?: LogFileOptions,
): { stdout: string; stderr: string } {
  const stdout = new FakeStream();
  const stderr = new FakeStream();
  using _ = openLogging({ format, file, stdout, stderr });
  log();
  return { stdout: stdout.text, stderr: stderr.text };
}

function jsonOf(log: () => void): Record<string, unknown> {
  const { stderr } = capture("json", log);
  assert.equal(stderr.indexOf("\n"), stderr.length - 1);
  return JSON.parse(stderr);
}

Deno.test("openLogging() writes a JSON object per record to stderr", () => {
  const record = jsonOf(() => moduleLogger("grpc").warn("closed {id}", { id: 7, reason: "a\nb" }));
  const { time, ...rest } = record;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: "warning",
    logger: "modelserver.grpc",
    message: "closed 7",
    id: 7,
    reason: "a\nb",
  });
  assert.deepEqual(Object.keys(record).slice(0, 4), ["time", "level", "logger", "message"]);
});

Deno.test("openLogging() writes a line of logfmt per record to stderr", () => {
  const { stdout, stderr } = capture("text", () => {
    moduleLogger("grpc").error("closed", { id: 7, reason: "a\nb" });
  });
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^time=\S+ level=error logger=modelserver\.grpc msg=closed id=7 reason="a\\nb"\n$/,
  );
});

Deno.test("logServing() writes to stdout only", () => {
  const json = capture(
    "json",
    () => logServing({ host: "::", port: 5440, threads: 4, serving: 1 }),
  );
  assert.equal(json.stderr, "");
  const { time: _, ...rest } = JSON.parse(json.stdout);
  assert.deepEqual(rest, {
    level: "info",
    logger: "modelserver.serving",
    message: "serving on [::]:5440",
    address: "[::]:5440",
    host: "::",
    port: 5440,
    threads: 4,
    serving: 1,
  });
  const text = capture(
    "text",
    () => logServing({ host: "0.0.0.0", port: 1, threads: 4, serving: 4 }),
  );
  assert.equal(text.stderr, "");
  assert.match(text.stdout, / msg="serving on 0\.0\.0\.0:1" address=0\.0\.0\.0:1 host=.* port=1 /);
});

Deno.test("openLogging() keeps its own names from being replaced by properties", () => {
  const record = jsonOf(() => moduleLogger("x").info("m", { level: 9, message: 9, time: 9, a: 1 }));
  assert.equal(record["level"], "info");
  assert.equal(record["message"], "m");
  assert.equal(record["a"], 1);
});

Deno.test("openLogging() writes errors with cause, and integers of any size", () => {
  const error = new TypeError("outer", { cause: new Error("inner") });
  const record = jsonOf(() => moduleLogger("x").error("failed", { error, total: 2n ** 63n }));
  const written = record["error"] as Record<string, unknown>;
  assert.equal(written["name"], "TypeError");
  assert.equal(written["message"], "outer");
  assert.match(String(written["stack"]), /^TypeError: outer/);
  assert.equal((written["cause"] as Record<string, unknown>)["message"], "inner");
  assert.equal(record["total"], "9223372036854775808");
});

Deno.test("openLogging() writes a record with a cycle, without its properties", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const record = jsonOf(() => moduleLogger("x").info("m", cycle));
  assert.equal(record["message"], "m");
  assert.match(String(record["unprintable"]), /circular/);
});

Deno.test("openLogging() drops what is below info", () => {
  assert.equal(capture("text", () => moduleLogger("x").debug("m")).stderr, "");
});

Deno.test("openLogging() writes nothing after it is disposed, and can be opened again", () => {
  const stderr = new FakeStream();
  openLogging({ format: "text", stderr })[Symbol.dispose]();
  moduleLogger("x").info("lost");
  assert.equal(stderr.text, "");
  assert.match(capture("text", () => moduleLogger("x").info("kept")).stderr, /kept/);
});

Deno.test("openLogging() writes whole lines to a stream that takes little at a time", () => {
  const stderr = new FakeStream(3);
  using _ = openLogging({ format: "json", stderr });
  moduleLogger("x").info("é".repeat(10));
  assert.equal(JSON.parse(stderr.text).message, "é".repeat(10));
});

Deno.test("openLogging() survives a stream that fails", () => {
  const stderr = {
    writeSync(): number {
      throw new Deno.errors.BrokenPipe("nobody reads");
    },
  };
  using _ = openLogging({ format: "text", stderr });
  moduleLogger("x").info("lost");
});

Deno.test({
  name: "openLogging() writes every line to the file too, until it is disposed",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  const file = { folder: folder.path, bytesMax: 10_000, filesMax: 2 };
  const { stdout, stderr } = capture("text", () => {
    moduleLogger("x").info("first");
    logServing({ host: "::", port: 5440, threads: 4, serving: 1 });
  }, file);
  moduleLogger("x").info("lost");
  assert.equal(await Deno.readTextFile(`${folder.path}/server.log`), stderr + stdout);
});

Deno.test({
  name: "openLogging() says once that the file fails, and how many lines it lacks",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  const path = `${folder.path}/logs`;
  const { stderr } = capture("json", () => {
    const log = moduleLogger("x");
    Deno.removeSync(path, { recursive: true });
    for (let i = 0; i < 3; i++) log.info(`lost ${i}`);
    Deno.mkdirSync(path);
    for (let i = 0; i < 2; i++) log.info(`kept ${i}`);
  }, { folder: path, bytesMax: 10_000, filesMax: 2 });
  const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ time: _, ...line }) => line), [
    {
      level: "error",
      logger: "modelserver.log",
      message: "the log file misses lines",
      path: `${path}/server.log`,
      reason: "No such file or directory (os error 2)",
    },
    { level: "info", logger: "modelserver.x", message: "lost 0" },
    { level: "info", logger: "modelserver.x", message: "lost 1" },
    { level: "info", logger: "modelserver.x", message: "lost 2" },
    {
      level: "warning",
      logger: "modelserver.log",
      message: "the log file gets lines again",
      path: `${path}/server.log`,
      lost: 3,
    },
    { level: "info", logger: "modelserver.x", message: "kept 0" },
    { level: "info", logger: "modelserver.x", message: "kept 1" },
  ]);
  const kept = (await Deno.readTextFile(`${path}/server.log`)).trimEnd().split("\n");
  assert.deepEqual(kept.map((line) => JSON.parse(line).message), ["kept 0", "kept 1"]);
});

Deno.test("openLogging() refuses to be opened twice", () => {
  const stream = new FakeStream();
  using _ = openLogging({ format: "text", stderr: stream });
  assert.throws(() => openLogging({ format: "text", stderr: stream }), { name: "ConfigError" });
});
