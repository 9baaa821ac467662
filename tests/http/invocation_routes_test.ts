import assert from "node:assert/strict";
import { quoted } from "../../lib/errors.ts";
import { runOf } from "../invocation/fake_store.ts";
import { RawClient } from "./raw_client.ts";
import { mayUseNet, TestApp, TestHttpServer } from "./test_http.ts";

/** The status of an answer, and its body read as JSON. */
async function answerOf(app: TestApp, path: string, init?: RequestInit) {
  const response = await app.get(path, init);
  return [response.status, await response.json()];
}

Deno.test("GET /invocation/ID tells the run, its input and its output", async () => {
  const app = new TestApp();
  for (const id of [7, 0, -(2 ** 31), 2 ** 31 - 1]) {
    await app.store.save(runOf(id, 'ä "😀" \0'));
    const response = await app.get(`/invocation/${id}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(
      await response.text(),
      `{"model_input":{"id":${id},"content":"ä \\"😀\\" \\u0000",` +
        '"metadata":[{"key":"type","value":"list"}]},' +
        '"model_output":{"id":1,"metadata":[{"key":"accuracy","value":"0.9"}]}}',
    );
  }
});

Deno.test("GET and DELETE of an id that is not kept say so in these words", async () => {
  const app = new TestApp();
  for (const method of ["GET", "DELETE"]) {
    const expected = [404, { message: "Input id=-5 not found." }];
    assert.deepEqual(await answerOf(app, "/invocation/-5", { method }), expected);
  }
});

Deno.test("an id that is no int32, or not written as one, is refused", async () => {
  const app = new TestApp();
  const ids = ["x", "07", "+7", "-0", "7.0", "1e3", "0x7", "7%20", "2147483648", "-2147483649"];
  for (const id of [...ids, "9".repeat(300), "%22", "NaN"]) {
    for (const method of ["GET", "DELETE"]) {
      const [status, { message }] = await answerOf(app, `/invocation/${id}`, { method });
      assert.equal(status, 400, id);
      const shown = quoted(decodeURIComponent(id));
      assert.equal(
        message,
        `Cannot find an invocation: id is ${shown}, expected an integer from -2147483648 to 2147483647`,
      );
    }
  }
});

Deno.test("GET /invocation/ID holds no more than it may of what clients do not take", async () => {
  const app = new TestApp();
  // Of which the app has room for two.
  const content = "x".repeat(900_000);
  await app.store.save(runOf(7, content));
  const held = [await app.get("/invocation/7"), await app.get("/invocation/7")];
  const refused = await app.get("/invocation/7");
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.match((await refused.json()).message, /have to take other answers first$/);
  const { model_input: input } = await held[0].json();
  assert.equal(input.content, content);
  assert.equal((await app.get("/invocation/7").then(abandoned)).status, 200);
  await abandoned(held[1]);
  const both = await Promise.all([app.get("/invocation/7"), app.get("/invocation/7")]);
  for (const { status } of await Promise.all(both.map(abandoned))) assert.equal(status, 200);
});

/** As by a client that goes away. */
async function abandoned(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

Deno.test("DELETE forgets a run, but not for a page of another origin", async () => {
  const app = new TestApp();
  await app.store.save(runOf(7));
  const foreign = { method: "DELETE", headers: { origin: "https://elsewhere.example" } };
  const [status, { error }] = await answerOf(app, "/invocation/7", foreign);
  assert.equal(status, 403);
  assert.match(error, /page of another origin/);
  assert.equal(app.store.runs.length, 1);
  const own = { method: "DELETE", headers: { origin: "http://test", host: "test" } };
  assert.deepEqual(await answerOf(app, "/invocation/7", own), [
    200,
    { message: "Input id=7 deleted." },
  ]);
  assert.equal(app.store.runs.length, 0);
});

Deno.test("GET /invocations tells pages, newest first, up to the last", async () => {
  const app = new TestApp();
  for (let id = 1; id <= 5; id++) await app.store.save(runOf(id));
  const pages: unknown[] = [];
  let next: string | null = null;
  do {
    const after: string = next === null ? "" : `&after=${next}`;
    const [status, page] = await answerOf(app, `/invocations?limit=2${after}`);
    assert.equal(status, 200);
    pages.push(page.invocations);
    next = page.next;
  } while (next !== null);
  assert.deepEqual(pages, [
    [{ id: 5, saved_ms: 1_004 }, { id: 4, saved_ms: 1_003 }],
    [{ id: 3, saved_ms: 1_002 }, { id: 2, saved_ms: 1_001 }],
    [{ id: 1, saved_ms: 1_000 }],
  ]);
  await app.get("/invocations");
  assert.deepEqual(app.store.pages.at(-1), { after: undefined, limit: 100 });
  await app.get("/invocations?limit=1000&after=a%26b");
  assert.deepEqual(app.store.pages.at(-1), { after: "a&b", limit: 1_000 });
});

Deno.test(
  { name: "GET /invocations asks nothing of the host that a client names", ignore: !mayUseNet },
  async () => {
    await using test = new TestHttpServer();
    for (const host of ["a b[[", "x:y:z"]) {
      using client = await RawClient.connect(test.server.port);
      await client.write(`GET /invocations?limit=3&after=0 HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      const answer = await client.readUntil(/\}$/);
      assert.match(answer, /^HTTP\/1.1 200 OK/, `${host}: ${answer}`);
    }
  },
);

Deno.test("GET /invocations refuses wrong limits and cursors", async () => {
  const app = new TestApp();
  for (const limit of ["0", "1001", "-1", "1.5", "x", "", "1e2", "99999999999"]) {
    assert.deepEqual(await answerOf(app, `/invocations?limit=${limit}`), [400, {
      message: `Cannot list invocations: limit is ${
        JSON.stringify(limit)
      }, expected an integer from 1 to 1000`,
    }]);
  }
  assert.deepEqual(app.store.pages, []);
  const wrong = await answerOf(app, "/invocations?after=x");
  assert.deepEqual(wrong, [400, { message: 'Cannot list runs after "x"' }]);
});

Deno.test("what the store fails with has its status, and its message", async () => {
  const app = new TestApp();
  const statuses = {
    "unavailable": 503,
    "deadline-exceeded": 504,
    "resource-exhausted": 429,
  } as const;
  for (const [code, status] of Object.entries(statuses)) {
    app.store.failure = { code: code as keyof typeof statuses, message: "the disk is full" };
    for (
      const [path, method] of [
        ["/invocation/7", "GET"],
        ["/invocation/7", "DELETE"],
        ["/invocations", "GET"],
      ]
    ) {
      const response = await app.get(path, { method });
      assert.equal(response.status, status);
      assert.equal(response.headers.get("retry-after"), status === 504 ? null : "1");
      assert.deepEqual(await response.json(), { message: "the disk is full" });
    }
  }
  assert.deepEqual(app.observer.errors, []);
});

Deno.test("GET / and /readyz tell whether the store works, the models serve and nothing drains", async () => {
  const app = new TestApp();
  const both = async () => {
    const [root, readyz] = [await app.get("/"), await app.get("/readyz")];
    return [root.status, await root.text(), readyz.status, await readyz.text()];
  };
  const ready = [200, "ready!\n", 200, "ok"];
  assert.deepEqual(await both(), ready);
  app.store.failure = { code: "unavailable", message: "the disk is full" };
  assert.deepEqual(await both(), [503, "not ready!\n", 503, "not ready: the disk is full"]);
  app.store.failure = undefined;
  assert.deepEqual(await both(), ready);
  app.backend.ready = false;
  assert.deepEqual(await both(), [503, "not ready!\n", 503, "not ready"]);
  app.backend.ready = true;
  app.draining = true;
  assert.deepEqual(await both(), [503, "not ready!\n", 503, "draining"]);
});
