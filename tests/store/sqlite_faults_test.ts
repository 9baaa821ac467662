import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { OperationError } from "../../lib/errors.ts";
import { LocalStore } from "../../lib/store/local_store.ts";
import { openSqliteFile } from "../../lib/store/sqlite_file.ts";
import { openSqliteStore, SqliteStore } from "../../lib/store/sqlite_store.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { canRun, runProgram } from "../support/programs.ts";
import { runOf } from "./contract.ts";
import { openRemote, STORE_OPTIONS } from "./remote.ts";

const ROUNDS = 20;

/** Takes from root what lets it write anything: then permissions are for it too. */
const UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"];

const ignore = !mayLoadModels;
const isRoot = !ignore && Deno.uid() === 0;
const mayBeRefused = !ignore && (!isRoot || await canRun("setpriv", "--version"));
const mayMount = isRoot && await canRun("mount", "--version");

const FILES: Readonly<Record<string, [make: (path: string) => void, reason: RegExp]>> = {
  "is no database": [
    (path) => Deno.writeTextFileSync(path, "some text of another kind ".repeat(100)),
    /: it is not an SQLite database$/,
  ],
  "is another program's": [
    (path) => execute(path, "CREATE TABLE theirs (id INTEGER)"),
    /: it is the database of another program, needs a file of its own$/,
  ],
  "is of a later version": [
    (path) => {
      openSqliteFile(path, STORE_OPTIONS).close();
      execute(path, "PRAGMA user_version = 2");
    },
    /: it has the tables of version 2, needs those of 1 or a newer server$/,
  ],
  "is a folder": [(path) => Deno.mkdirSync(path), /: it cannot be opened, needs a folder/],
  "is damaged": [
    (path) => {
      openSqliteFile(path, STORE_OPTIONS).close();
      using file = Deno.openSync(path, { write: true });
      file.seekSync(100, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(4_000).fill(0xff));
    },
    /: it is damaged$/,
  ],
};

for (const [name, [make, reason]] of Object.entries(FILES)) {
  Deno.test(
    { name: `SqliteStore: a file that ${name} is refused and left alone`, ignore },
    async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/runs.sqlite`;
      make(path);
      const isFile = Deno.statSync(path).isFile;
      const before = isFile ? Deno.readFileSync(path) : undefined;
      assert.throws(
        () => openSqliteStore(path, STORE_OPTIONS),
        (error) =>
          error instanceof OperationError && error.code === "unavailable" &&
          error.message.startsWith(`Cannot keep runs in sqlite:${path}: `) &&
          reason.test(error.message),
      );
      if (before !== undefined) assert.deepEqual(Deno.readFileSync(path), before);
    },
  );
}

Deno.test({
  name: "SqliteStore: a store that cannot be opened says why, and opens once it can",
  ignore,
}, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/runs.sqlite`;
  Deno.writeTextFileSync(path, "text ".repeat(1_000));
  await using remote = await openRemote({ kind: "sqlite", path });
  const because = new RegExp(
    `^OperationError: Cannot save run 1: the store is down: Cannot keep runs in sqlite:${path}: it is not`,
  );
  await assert.rejects(remote.store.save(runOf(1)), because);
  await assert.rejects(remote.store.check(), /the store is down/);
  Deno.removeSync(path);
  while (!await remote.store.save(runOf(1)).then(() => true, () => false)) await nextTurn();
  assert.deepEqual(await remote.store.find(1), runOf(1));
  assert.equal(remote.said.length, 2);
});

Deno.test({ name: "SqliteStore: a read-only folder is told", ignore: !mayBeRefused }, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/runs.sqlite`;
  openSqliteFile(path, STORE_OPTIONS).close();
  Deno.chmodSync(path, 0o444);
  Deno.chmodSync(folder.path, 0o555);
  const [program, ...args] = [
    ...(isRoot ? UNPRIVILEGED : []),
    ...[Deno.execPath(), "run", "--quiet", "--no-check", "-A"],
    ...["tests/store/fixtures/save_once.ts", `sqlite:${path}`],
  ];
  const { stdout } = await runProgram(program, ...args);
  Deno.chmodSync(folder.path, 0o755);
  assert.equal(
    stdout,
    `Cannot keep runs in sqlite:${path}: it is read-only, needs to be writable with its folder`,
  );
});

Deno.test(
  { name: "SqliteStore: a run that the disk is too full for fails alone", ignore },
  async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/runs.sqlite`;
    const database = openSqliteFile(path, STORE_OPTIONS);
    database.exec("PRAGMA max_page_count = 60");
    const store = new LocalStore(new SqliteStore(database, path, STORE_OPTIONS, Date.now));
    const large = "x".repeat(1_000_000);
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((id) => store.save(runOf(id, id, id === 3 ? large : "small"))),
    );
    assert.deepEqual(outcomes.map(({ status }) => status), [
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    assert.equal(
      (outcomes[2] as PromiseRejectedResult).reason.message,
      `Cannot save run 3 in sqlite:${path}: the disk is full`,
    );
    assert.equal(await store.find(3), undefined);
    assert.deepEqual(await store.find(5), runOf(5, 5, "small"));
    await store.close();
  },
);

Deno.test(
  { name: "SqliteStore: a full disk is told until there is room again", ignore: !mayMount },
  async (t) => {
    await using folder = await temporaryFolder();
    const mounted = await new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path],
      stderr: "null",
    }).output();
    if (!mounted.success) {
      return void await t.step({
        name: "may not mount",
        ignore: true,
        fn() {},
      });
    }
    try {
      await using remote = await openRemote({ kind: "sqlite", path: `${folder.path}/runs.sqlite` });
      const { store } = remote;
      await store.save(runOf(1));
      Deno.writeFileSync(`${folder.path}/ballast`, new Uint8Array(700_000));
      const large = "x".repeat(300_000);
      await assert.rejects(
        store.save(runOf(2, 0, large)),
        /^OperationError: Cannot save run 2 in .*: the disk is full$/,
      );
      assert.deepEqual(await store.find(1), runOf(1));
      assert.equal(await store.find(2), undefined);
      Deno.removeSync(`${folder.path}/ballast`);
      await store.save(runOf(2, 0, large.slice(0, 100_000)));
      await store.check();
    } finally {
      await new Deno.Command("umount", { args: ["-l", folder.path] }).output();
    }
  },
);

Deno.test(
  { name: "SqliteStore: a lock of another is waited for, within the deadline", ignore },
  async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/runs.sqlite`;
    await using remote = await openRemote({ kind: "sqlite", path }, { timeoutMs: 1_000 });
    const { store } = remote;
    await store.save(runOf(1));
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const saves = Promise.allSettled([store.save(runOf(1, 1)), store.check()]);
    assert.deepEqual(await store.find(1), runOf(1), "reads do not wait");
    for (const outcome of await saves) {
      assert.match(
        (outcome as PromiseRejectedResult).reason.message,
        /^Cannot (save run 1|keep runs) in sqlite:.*: another process has held its lock for [0-9]+ ms$/,
      );
    }
    const third = store.save(runOf(1, 2));
    other.exec("ROLLBACK");
    await third;
    assert.deepEqual(await store.find(1), runOf(1, 2));
    other.close();
  },
);

Deno.test(
  { name: "SqliteStore: a run that fails alone leaves those of its group", ignore },
  async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/runs.sqlite`;
    const store = new LocalStore(openSqliteStore(path, STORE_OPTIONS));
    execute(
      path,
      "CREATE TRIGGER bad BEFORE INSERT ON runs WHEN new.id = 13 BEGIN SELECT RAISE(ABORT, 'unlucky'); END",
    );
    const ids = Array.from({ length: 20 }, (_, id) => id);
    const outcomes = await Promise.allSettled(ids.map((id) => store.save(runOf(id))));
    assert.deepEqual(outcomes.flatMap(({ status }, id) => status === "rejected" ? [id] : []), [13]);
    assert.match(
      (outcomes[13] as PromiseRejectedResult).reason.message,
      /^Cannot save run 13 in .*: unlucky$/,
    );
    for (const id of ids) assert.deepEqual(await store.find(id), id === 13 ? undefined : runOf(id));
    await store.close();
  },
);

Deno.test({ name: "SqliteStore: nothing is kept in a file that is gone", ignore }, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/runs.sqlite`;
  const store = new LocalStore(openSqliteStore(path, STORE_OPTIONS));
  await store.save(runOf(1));
  await store.check();
  for (
    const [change, problem] of [
      [() => Deno.removeSync(path), "it was removed"],
      [() => Deno.writeTextFileSync(path, ""), "there is another file in its place"],
    ] as const
  ) {
    change();
    const reason = `in sqlite:${path}: ${problem}, needs the server to be restarted`;
    const saves = await Promise.allSettled([2, 3].map((id) => store.save(runOf(id))));
    assert.deepEqual(
      saves.map((save) => save.status === "rejected" && save.reason.message),
      [2, 3].map((id) => `Cannot save run ${id} ${reason}`),
    );
    await assert.rejects(store.delete(1), { message: `Cannot delete run 1 ${reason}` });
    await assert.rejects(store.check(), new RegExp(`: ${problem}, needs`));
  }
  await store.close();
});

Deno.test(
  { name: "SqliteStore: close() leaves runs that are too many to the next", ignore },
  async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/runs.sqlite`;
    openSqliteFile(path, STORE_OPTIONS).close();
    const runs = 20_000;
    execute(
      path,
      `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${runs})
     INSERT INTO runs SELECT n, n, 0, '{}', '{}' FROM n`,
    );
    const store = openSqliteStore(path, { ...STORE_OPTIONS, rowsMax: 1 });
    while (countRuns(path) === runs) await nextTurn();
    await store.close();
    assert.ok(countRuns(path) > runs / 2, `${countRuns(path)} are left`);
  },
);

Deno.test({ name: "SqliteStore: two servers share a file", ignore }, async () => {
  await using folder = await temporaryFolder();
  const url = { kind: "sqlite", path: `${folder.path}/runs.sqlite` } as const;
  await using one = await openRemote(url, { rowsMax: 60 });
  await using two = await openRemote(url, { rowsMax: 60 });
  await Promise.all(
    Array.from({ length: 100 }, (_, id) => (id % 2 ? one : two).store.save(runOf(id))),
  );
  const kept = await one.store.list({ after: undefined, limit: 100 });
  assert.equal(kept.length, 60);
  assert.deepEqual(await two.store.list({ after: undefined, limit: 100 }), kept);
});

Deno.test({
  name: `SqliteStore: ${ROUNDS} kills under load lose nothing that was acknowledged`,
  ignore,
}, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/runs.sqlite`;
  const acknowledged = new Map<number, number>();
  let number = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "-A",
        "tests/store/fixtures/saving_process.ts",
        path,
        String(number),
      ],
      stdout: "piped",
    }).spawn();
    const lines = await linesUntil(child, 50 + 25 * round);
    for (const line of lines) {
      const [id, saved] = line.split(" ").map(Number);
      acknowledged.set(id, Math.max(saved, acknowledged.get(id) ?? 0));
      number = Math.max(number, saved + 1);
    }
    // Saves under way at the kill may or may not be there.
    number += 1_000;
    assert.equal(integrityOf(path), "ok");
    await assertKept(path, acknowledged);
  }
  assert.ok(acknowledged.size > 0);
});

/** Kills it once it has written so many lines. @returns all whole lines that it has written */
async function linesUntil(child: Deno.ChildProcess, count: number): Promise<readonly string[]> {
  let text = "";
  let isAlive = true;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (isAlive && text.split("\n").length > count) {
      isAlive = false;
      child.kill("SIGKILL");
    }
  }
  assert.equal((await child.status).signal, "SIGKILL");
  return text.split("\n").slice(0, -1);
}

async function assertKept(path: string, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  const store = new LocalStore(openSqliteStore(path, STORE_OPTIONS));
  for (const [id, saved] of acknowledged) {
    const run = await store.find(id);
    const kept = Number(run?.input.metadata[0].value);
    assert.ok(kept >= saved, `run ${id}: ${kept} is kept, ${saved} was acknowledged`);
    assert.deepEqual(run, runOf(id, kept, "x".repeat(kept % 5_000)));
  }
  await store.close();
}

function integrityOf(path: string): unknown {
  const database = new DatabaseSync(path);
  const { integrity_check } = database.prepare("PRAGMA integrity_check").get() ?? {};
  database.close();
  return integrity_check;
}

function countRuns(path: string): number {
  using database = new DatabaseSync(path, { readOnly: true });
  return Number(database.prepare("SELECT runs FROM state").get()?.runs);
}

function execute(path: string, statements: string): void {
  const database = new DatabaseSync(path);
  database.exec(statements);
  database.close();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
