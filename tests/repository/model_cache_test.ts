import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { OperationError } from "../../lib/errors.ts";
import { ModelCache } from "../../lib/repository/model_cache.ts";
import { parseAddress } from "../../lib/repository/sources/address.ts";
import { type ReadVariable, sourceAt } from "../../lib/repository/sources/open_source.ts";
import type { FileSource } from "../../lib/repository/sources/source.ts";
import { HeldTimers } from "../support/held_timers.ts";
import { answerS3, type StoredObjects } from "./s3_server.ts";
import { mayServeFiles, mayUseFolders, TempFolder } from "./temp_folder.ts";

const CONTENT = "weights ".repeat(40_000);
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const FILE_NAME = "model.onnx";
const NEVER = new AbortController().signal;

/** A cache in a folder, with what is needed to fill it. */
async function setUp(bytesMax?: number) {
  const folder = new TempFolder();
  const cache = await ModelCache.open(`${folder.path}/cache`, bytesMax);
  const fetchFile = (
    address: string,
    { hash = SHA256, signal = NEVER, read = NOTHING } = {},
  ) => {
    const parsed = parseAddress(address);
    assert.ok(parsed !== undefined, address);
    const source = sourceAt(parsed, folder.path, read);
    const sha256 = hash === "any" ? undefined : hash;
    return cache.fetch({ source, address, sha256, fileName: FILE_NAME }, "now", signal);
  };
  return { folder, cache, fetchFile };
}

const NOTHING: ReadVariable = () => undefined;

/** What is in a cache: the hash of the whole content, or nothing. */
function filesOf(folder: TempFolder): Promise<string[]> {
  return folder.list().then((all) => all.filter((path) => path.startsWith("cache/")));
}

function serve(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  const base = `http://127.0.0.1:${server.addr.port}`;
  return { base, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A server that sends these bytes to each connection and closes it. */
function serveBytes(text: string) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const done = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4_096));
      await connection.write(new TextEncoder().encode(text));
      connection.close();
    }
  })();
  return {
    base: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
    },
  };
}

async function expectFailure(promise: Promise<unknown>, code: string, message: RegExp) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const WITH_NET = { ignore: !mayServeFiles };

Deno.test(
  "ModelCache.fetch() fetches a file with a hash once, whoever asks",
  WITH_NET,
  async () => {
    const { folder, fetchFile } = await setUp();
    await using _folder = folder;
    let requests = 0;
    await using server = serve(() => {
      requests++;
      return new Response(CONTENT);
    });
    const [first, second] = await Promise.all([
      fetchFile(`${server.base}/model.onnx`),
      fetchFile(`${server.base}/other.onnx`),
    ]);
    assert.deepEqual(first, second);
    assert.equal(await Deno.readTextFile(`${first.folder}/${FILE_NAME}`), CONTENT);
    assert.deepEqual(await fetchFile(`${server.base}/third.onnx`), first);
    assert.equal(requests, 1);
    const again = await ModelCache.open(`${folder.path}/cache`);
    const source = { open: () => Promise.reject(new Error("Asked again")) };
    const wanted = { source, address: "none", sha256: SHA256, fileName: FILE_NAME };
    assert.deepEqual(await again.fetch(wanted, "now", NEVER), first);
  },
);

Deno.test("ModelCache.fetch() leaves nothing of a file that cannot be had", WITH_NET, async (t) => {
  const { folder, fetchFile } = await setUp(1_000_000);
  await using _folder = folder;
  await using server = serve((request) => {
    const { pathname, origin } = new URL(request.url);
    switch (pathname) {
      case "/wrong.onnx":
        return new Response("other weights");
      case "/missing.onnx":
        return new Response("no", { status: 404 });
      case "/forbidden.onnx":
        return new Response("no", { status: 403 });
      case "/busy.onnx":
        return new Response("no", { status: 503 });
      case "/large.onnx":
        return new Response("x".repeat(1_000_001));
      case "/endless.onnx":
        return new Response(endless());
      case "/loop.onnx":
        return Response.redirect(`${origin}/loop.onnx`);
      default:
        return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    }
  });
  await using cut = serveBytes("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nsome");
  await using cutChunk = serveBytes(
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nsome",
  );
  await using empty = serveBytes("");
  const cases: [string, string, string, RegExp][] = [
    [
      "wrong hash",
      `${server.base}/wrong.onnx`,
      "failed-precondition",
      /: its SHA-256 is [0-9a-f]{64}, needs [0-9a-f]{64}$/,
    ],
    [
      "404",
      `${server.base}/missing.onnx?token=secret`,
      "not-found",
      /^Cannot fetch http:\S+\/missing.onnx: it answered 404 Not Found, needs 200$/,
    ],
    [
      "403",
      `${server.base}/forbidden.onnx`,
      "failed-precondition",
      /: it answered 403 Forbidden, needs 200$/,
    ],
    [
      "503",
      `${server.base}/busy.onnx`,
      "unavailable",
      /: it answered 503 Service Unavailable, needs 200$/,
    ],
    [
      "too large",
      `${server.base}/large.onnx`,
      "resource-exhausted",
      /: it has 1000001 bytes, at most 1000000 allowed$/,
    ],
    [
      "too large without saying so",
      `${server.base}/endless.onnx`,
      "resource-exhausted",
      /: it has more bytes, at most 1000000 allowed$/,
    ],
    [
      "redirects without end",
      `${server.base}/loop.onnx`,
      "failed-precondition",
      /: it redirected more than 5 times$/,
    ],
    [
      "a redirect to a file",
      `${server.base}/`,
      "failed-precondition",
      /: it redirects to file:\/\/, needs http:\/\/$/,
    ],
    [
      "cut in the middle",
      `${cut.base}/model.onnx`,
      "unavailable",
      /: it ended after 4 of 1000 bytes$/,
    ],
    ["cut in a chunk", `${cutChunk.base}/model.onnx`, "unavailable", /: it ended after \d bytes$/],
    ["no answer", `${empty.base}/model.onnx`, "unavailable", /: the server cannot be reached$/],
    [
      "no such file",
      "nothing.onnx",
      "not-found",
      /^Cannot fetch \S+\/nothing.onnx: there is no such file$/,
    ],
    ["a folder", "cache", "failed-precondition", /: it is a folder, needs a file$/],
  ];
  for (const [name, address, code, message] of cases) {
    await t.step(name, async () => {
      await expectFailure(fetchFile(address), code, message);
      assert.deepEqual(await filesOf(folder), []);
    });
  }
});

Deno.test(
  "ModelCache.fetch() follows redirects, and takes what is behind them",
  WITH_NET,
  async () => {
    const { folder, fetchFile } = await setUp();
    await using _folder = folder;
    await using server = serve(({ url }) => {
      const { pathname } = new URL(url);
      const location = pathname === "/a.onnx" ? "b.onnx" : "/c.onnx";
      return pathname === "/c.onnx"
        ? new Response(CONTENT)
        : new Response("moved", { status: 307, headers: { location } });
    });
    assert.equal((await fetchFile(`${server.base}/a.onnx`)).sha256, SHA256);
  },
);

Deno.test("ModelCache.fetch() stops when it is told to, and leaves nothing", WITH_NET, async () => {
  const { folder, fetchFile } = await setUp();
  await using _folder = folder;
  const begun = Promise.withResolvers<void>();
  await using server = serve(() => {
    begun.resolve();
    return new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(9)) }));
  });
  const controller = new AbortController();
  const fetching = fetchFile(`${server.base}/model.onnx`, { signal: controller.signal });
  await begun.promise;
  const reason = new Error("Enough");
  controller.abort(reason);
  await assert.rejects(fetching, (error) => error === reason);
  assert.deepEqual(await filesOf(folder), []);
});

Deno.test(
  "ModelCache.fetch() goes on when the one gives up whom it had joined",
  WITH_NET,
  async () => {
    const { folder, fetchFile } = await setUp();
    await using _folder = folder;
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let requests = 0;
    await using server = serve(() => {
      asked[requests++].resolve();
      const hangs = new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(9)) });
      return new Response(requests === 1 ? hangs : CONTENT);
    });
    const controller = new AbortController();
    const first = fetchFile(`${server.base}/model.onnx`, { signal: controller.signal });
    const second = fetchFile(`${server.base}/model.onnx`);
    await asked[0].promise;
    controller.abort();
    await assert.rejects(first);
    assert.equal((await second).sha256, SHA256);
    assert.equal(requests, 2);
  },
);

Deno.test("ModelCache.fetch() leaves a source alone that has just failed", WITH_NET, async () => {
  const { folder, cache, fetchFile } = await setUp();
  await using _folder = folder;
  let requests = 0;
  const open = () => {
    requests++;
    return Promise.reject(new OperationError("unavailable", "Cannot fetch"));
  };
  const wanted = { source: { open }, address: "a", sha256: undefined, fileName: FILE_NAME };
  await expectFailure(cache.fetch(wanted, "later", NEVER), "unavailable", /^Cannot fetch$/);
  await expectFailure(cache.fetch(wanted, "later", NEVER), "unavailable", /^Cannot fetch$/);
  assert.equal(requests, 1);
  await expectFailure(cache.fetch(wanted, "now", NEVER), "unavailable", /^Cannot fetch$/);
  assert.equal(requests, 2);
  await expectFailure(fetchFile("nothing.onnx"), "not-found", /no such file/);
});

Deno.test("ModelCache.fetch() gives up a source that does not move", {
  ignore: !mayUseFolders,
}, async (t) => {
  const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const open = (_: string | undefined, signal: AbortSignal) => {
    asked[0].resolve();
    return new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  };
  const pull = () => {
    asked[1].resolve();
    return new Promise<void>(() => {});
  };
  const body = new ReadableStream({ pull }, { highWaterMark: 0 });
  const answer = { validator: undefined, bytes: undefined, body };
  const sources: [string, FileSource, Promise<void>][] = [
    ["before its answer", { open }, asked[0].promise],
    ["in its answer", { open: () => Promise.resolve(answer) }, asked[1].promise],
  ];
  for (const [name, source, isAsked] of sources) {
    await t.step(name, async () => {
      await using folder = new TempFolder();
      const cache = await ModelCache.open(folder.path);
      using timers = new HeldTimers();
      const wanted = { source, address: "a", sha256: undefined, fileName: FILE_NAME };
      const fetching = cache.fetch(wanted, "now", NEVER);
      await isAsked;
      timers.fire();
      await expectFailure(
        fetching,
        "unavailable",
        /^Cannot fetch a: (not done|nothing has come) for/,
      );
      assert.equal(timers.count, 0);
      assert.deepEqual(await folder.list(), []);
    });
  }
});

Deno.test({
  name: "ModelCache.fetch() copies a file without a hash, and again when it has changed",
  ignore: !mayUseFolders,
}, async () => {
  const { folder, fetchFile } = await setUp();
  await using _folder = folder;
  await folder.write({ "there/a b.onnx": "one" });
  const address = `file://${folder.path}/there/a%20b.onnx`;
  const first = await fetchFile(address, { hash: "any" });
  assert.equal(await Deno.readTextFile(`${first.folder}/${FILE_NAME}`), "one");
  assert.deepEqual(await fetchFile(address, { hash: "any" }), first);
  await folder.write({ "there/a b.onnx": "three" });
  const second = await fetchFile(address, { hash: "any" });
  assert.equal(await Deno.readTextFile(`${second.folder}/${FILE_NAME}`), "three");
  assert.equal(await Deno.readTextFile(`${first.folder}/${FILE_NAME}`), "one");
});

Deno.test({
  name: "ModelCache.open() says that a folder cannot be written",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  await folder.write({ file: "" });
  await expectFailure(
    ModelCache.open(`${folder.path}/file`),
    "failed-precondition",
    /^Cannot write model cache \S+\/file: /,
  );
});

Deno.test({
  name: "ModelCache.fetch() says that its folder cannot be written",
  ignore: !mayUseFolders,
}, async () => {
  const { folder, fetchFile } = await setUp();
  await using _folder = folder;
  await folder.write({ "a.onnx": CONTENT });
  // A file in place of the folder stops root too, which permissions do not.
  await Deno.remove(`${folder.path}/cache`);
  await folder.write({ cache: "" });
  await expectFailure(
    fetchFile("a.onnx"),
    "failed-precondition",
    /^Cannot write model cache \S+\/cache: /,
  );
  assert.deepEqual(await folder.list(), ["a.onnx", "cache"]);
});

Deno.test({
  name: "ModelCache.open() removes only what was abandoned long ago",
  ignore: !mayUseFolders,
}, async () => {
  await using folder = new TempFolder();
  await folder.write({
    "partial-old/model.onnx": "",
    "partial-new/model.onnx": "",
    "other/file": "",
  });
  await Deno.utime(`${folder.path}/partial-old`, 1_000, 1_000);
  await ModelCache.open(folder.path);
  assert.deepEqual(await folder.list(), [
    "other",
    "other/file",
    "partial-new",
    "partial-new/model.onnx",
  ]);
});

Deno.test("ModelCache.fetch() reads from a store that checks signatures", WITH_NET, async (t) => {
  const { folder, fetchFile } = await setUp();
  await using _folder = folder;
  const key = "a b/(ü+1)!*~'=&?.onnx";
  const store: StoredObjects = {
    objects: new Map([[`models/${key}`, CONTENT]]),
    accessKeyId: "AKID",
    secretAccessKey: "secret/+key",
    sessionToken: "a session",
  };
  const statuses: number[] = [];
  await using server = serve((request) => {
    const response = answerS3(request, store);
    statuses.push(response.status);
    return response;
  });
  const variables: Record<string, string> = {
    AWS_ACCESS_KEY_ID: "AKID",
    AWS_SECRET_ACCESS_KEY: "secret/+key",
    AWS_SESSION_TOKEN: "a session",
    AWS_REGION: "eu-central-1",
    AWS_ENDPOINT_URL: server.base,
  };
  const reader = (change: Record<string, string>): ReadVariable => (name) =>
    ({ ...variables, ...change })[name];
  const address = `s3://models/${key}`;
  const read = reader({});
  await t.step("with the right hash", async () => {
    assert.equal((await fetchFile(address, { read })).sha256, SHA256);
  });
  await t.step("without a hash: asks whether it has changed", async () => {
    statuses.length = 0;
    const first = await fetchFile(address, { read, hash: "any" });
    assert.deepEqual(await fetchFile(address, { read, hash: "any" }), first);
    assert.deepEqual(statuses, [200, 304]);
    store.objects.set(`models/${key}`, "changed");
    const changed = await fetchFile(address, { read, hash: "any" });
    assert.equal(await Deno.readTextFile(`${changed.folder}/${FILE_NAME}`), "changed");
  });
  const refusals: [string, string, Record<string, string>, string, RegExp][] = [
    ["a wrong hash", address, {}, "failed-precondition", /^Cannot fetch s3:\S+ .*its SHA-256 is/],
    [
      "no such key",
      "s3://models/none.onnx",
      {},
      "not-found",
      /: it answered 404 Not Found \(NoSuchKey\), needs 200$/,
    ],
    [
      "a wrong secret",
      address,
      { AWS_SECRET_ACCESS_KEY: "x" },
      "failed-precondition",
      /: it answered 403 Forbidden \(SignatureDoesNotMatch\), needs 200$/,
    ],
    [
      "nobody",
      address,
      { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" },
      "failed-precondition",
      /\(AccessDenied\)/,
    ],
    [
      "half a key",
      address,
      { AWS_SECRET_ACCESS_KEY: "" },
      "failed-precondition",
      /^Cannot use S3: AWS_ACCESS_KEY_ID needs AWS_SECRET_ACCESS_KEY$/,
    ],
    [
      "a wrong endpoint",
      address,
      { AWS_ENDPOINT_URL: "models" },
      "failed-precondition",
      /^Cannot use S3: AWS_ENDPOINT_URL is no address of a server/,
    ],
  ];
  const hash = "0".repeat(64);
  for (const [name, address, change, code, message] of refusals) {
    await t.step(name, async () => {
      const attempt = async () => await fetchFile(address, { read: reader(change), hash });
      await expectFailure(attempt(), code, message);
    });
  }
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (body) => body.enqueue(new Uint8Array(100_000)) });
}
