import assert from "node:assert/strict";
import fc from "fast-check";
import { LogFile } from "../../lib/cli/log_file.ts";
import { mayUseFolders, TempFolder } from "../repository/temp_folder.ts";
import { mayRunPrograms } from "../support/permissions.ts";
import { SmallDisk } from "./small_disk.ts";

/** Where the property test starts from; a failure prints it, and the path to the example. */
const SEED = 20_260_121;

const encoder = new TextEncoder();

/** As a sink writes them. */
function writeLines(file: LogFile, ...lines: readonly string[]): void {
  for (const line of lines) file.write(encoder.encode(`${line}\n`));
}

/** The texts of the log files by their numbers, the newest without one first. */
function texts(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort()
      .map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]),
  );
}

const LARGE = { bytesMax: 1_000, filesMax: 3 };

Deno.test({
  name: "LogFile keeps the last lines whole, in bounded files",
  ignore: !mayUseFolders,
}, () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 60 });
  const bounds = fc.record({
    bytesMax: fc.integer({ min: 1, max: 60 }),
    filesMax: fc.integer({ min: 1, max: 12 }),
    opens: fc.integer({ min: 1, max: 10 }),
  });
  fc.assert(
    fc.property(lengths, bounds, (lengths, { bytesMax, filesMax, opens }) => {
      const folder = Deno.makeTempDirSync();
      try {
        const lines = lengths.map((length, index) => `${index}:${"x".repeat(length)}`);
        for (let at = 0; at < lines.length; at += opens) {
          using file = new LogFile({ folder, bytesMax, filesMax });
          writeLines(file, ...lines.slice(at, at + opens));
        }
        const found = texts(folder);
        const numbers = Object.keys(found)
          .map((name) => name === "server.log" ? 0 : Number(name.slice("server.log.".length)));
        // None is missing, and none is beyond the most.
        assert.deepEqual(numbers.toSorted((a, b) => a - b), [...numbers.keys()]);
        assert.ok(numbers.length <= filesMax);
        const ordered = numbers.toSorted((a, b) => b - a)
          .map((number) => found[number === 0 ? "server.log" : `server.log.${number}`]);
        for (const text of ordered) {
          assert.ok(text.length <= bytesMax || text.indexOf("\n") === text.length - 1);
        }
        const all = lines.map((line) => `${line}\n`).join("");
        assert.ok(all.endsWith(ordered.join("")));
        if (numbers.length < filesMax) assert.equal(ordered.join(""), all);
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

Deno.test({
  name: "LogFile keeps no more files than it may, where it could keep more before",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  for (const filesMax of [5, 2]) {
    using file = new LogFile({ folder: folder.path, bytesMax: 2, filesMax });
    writeLines(file, ..."abcdef");
  }
  assert.deepEqual(texts(folder.path), { "server.log": "f\n", "server.log.1": "e\n" });
});

Deno.test({
  name: "LogFile goes on where the file of its name is",
  ignore: !mayUseFolders,
}, async (t) => {
  const cases: readonly [string, (path: string) => void, Readonly<Record<string, string>>][] = [
    ["moved", (path) => Deno.renameSync(path, `${path}-2026`), {
      "server.log": "second\n",
      "server.log-2026": "first\n",
    }],
    ["removed", (path) => Deno.removeSync(path), { "server.log": "second\n" }],
    ["cut short", (path) => Deno.truncateSync(path), { "server.log": "second\n" }],
    ["moved and made anew", (path) => {
      Deno.renameSync(path, `${path}-2026`);
      Deno.writeTextFileSync(path, "other\n");
    }, { "server.log": "other\nsecond\n", "server.log-2026": "first\n" }],
  ];
  for (const [what, change, expected] of cases) {
    await t.step(what, async () => {
      await using folder = new TempFolder();
      using file = new LogFile({ folder: folder.path, ...LARGE });
      writeLines(file, "first");
      change(file.path);
      writeLines(file, "second");
      assert.deepEqual(texts(folder.path), expected);
    });
  }
});

Deno.test({
  name: "LogFile says at the start that it cannot write",
  ignore: !mayRunPrograms || Deno.build.os !== "linux",
}, async () => {
  await using folder = new TempFolder();
  await folder.write({ "file": "", "taken/server.log/x": "", "pipe/x": "" });
  await new Deno.Command("mkfifo", { args: [`${folder.path}/pipe/server.log`] }).output();
  const cases = [
    ["file", /^Cannot log to .*\/file\/server\.log: .*(os error \d+)\)$/],
    ["taken", /^Cannot log to .*\/taken\/server\.log: Is a directory \(os error 21\)$/],
    ["pipe", /^Cannot log to .*\/pipe\/server\.log: it is a pipe$/],
  ] as const;
  for (const [name, message] of cases) {
    assert.throws(
      () => new LogFile({ folder: `${folder.path}/${name}`, ...LARGE }),
      { name: "OperationError", code: "invalid-argument", message },
    );
  }
});

Deno.test({
  name: "LogFile makes the folder at the start, and not again when somebody removes it",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  const path = `${folder.path}/a/b`;
  using file = new LogFile({ folder: path, ...LARGE });
  writeLines(file, "first");
  Deno.removeSync(path, { recursive: true });
  assert.throws(() => writeLines(file, "lost"), Deno.errors.NotFound);
  Deno.mkdirSync(path);
  writeLines(file, "second");
  assert.deepEqual(texts(path), { "server.log": "second\n" });
});

Deno.test({
  name: "LogFile loses no file to a name that it cannot give",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  await folder.write({ "server.log.1": "older\n", "server.log.2/x": "in a folder" });
  using file = new LogFile({ folder: folder.path, bytesMax: 8, filesMax: 3 });
  writeLines(file, "first");
  for (let i = 0; i < 3; i++) {
    assert.throws(() => writeLines(file, "second"), /os error/);
  }
  Deno.removeSync(`${folder.path}/server.log.2`, { recursive: true });
  writeLines(file, "third");
  assert.deepEqual(texts(folder.path), {
    "server.log": "third\n",
    "server.log.1": "first\n",
    "server.log.2": "older\n",
  });
});

Deno.test({
  name: "LogFile keeps no half of a line on a full disk, and goes on when there is room",
  ignore: !await SmallDisk.isPossible(),
}, async () => {
  await using disk = await SmallDisk.mount();
  await Deno.writeFile(`${disk.path}/ballast`, new Uint8Array(SmallDisk.BYTES / 2));
  using file = new LogFile({ folder: disk.path, bytesMax: 2 ** 20, filesMax: 2 });
  const line = "x".repeat(999);
  let written = 0;
  const fill = () => {
    for (;;) {
      writeLines(file, line);
      written++;
    }
  };
  assert.throws(fill, /No space left on device/);
  assert.ok(written > 0);
  assert.throws(() => writeLines(file, line), /No space left on device/);
  assert.equal(Deno.readTextFileSync(file.path), `${line}\n`.repeat(written));
  Deno.removeSync(`${disk.path}/ballast`);
  writeLines(file, "room");
  assert.equal(Deno.readTextFileSync(file.path), `${`${line}\n`.repeat(written)}room\n`);
});
