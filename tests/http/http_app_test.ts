import assert from "node:assert/strict";
import { API_ROUTES } from "../../lib/http/api_routes.ts";
import { pathsOf } from "../../lib/http/route.ts";
import { BodyBudget } from "../../lib/http/body_budget.ts";
import { BearerAuth, digestOf } from "../../lib/security/bearer_auth.ts";
import { requestJson, TestApp } from "./test_http.ts";

Deno.test("HttpApp: every kind of error has its status", async (t) => {
  const statuses = {
    "invalid-argument": 400,
    "out-of-range": 400,
    "not-found": 404,
    "failed-precondition": 409,
    "resource-exhausted": 429,
    "internal": 500,
    "unavailable": 503,
    "deadline-exceeded": 504,
  };
  for (const [code, status] of Object.entries(statuses)) {
    await t.step(code, async () => {
      const response = await new TestApp().post(
        `/v2/models/fails-${code}/infer`,
        requestJson("FP32", [1]),
      );
      assert.equal(response.status, status);
      assert.equal(response.headers.has("retry-after"), status === 429 || status === 503);
      assert.deepEqual(await response.json(), { error: `Cannot infer: fails-${code}` });
    });
  }
});

Deno.test("HttpApp: of a bug the observer hears, the client does not", async () => {
  const app = new TestApp();
  const response = await app.post("/v2/models/bug/infer", requestJson("FP32", [1]));
  assert.equal(response.status, 500);
  assert.deepEqual(await response.json(), { error: "the handler failed" });
  assert.match(String(app.observer.errors), /secret of a bug/);
  assert.deepEqual([app.observer.started, app.observer.statuses], [1, [500]]);
});

Deno.test("HttpApp: unknown routes, wrong methods, wrong types", async () => {
  const app = new TestApp();
  const unknown = await app.get("/v2/nothing?x=1");
  assert.equal(unknown.status, 404);
  assert.match((await unknown.json()).error, /Cannot find \/v2\/nothing/);
  for (
    const [path, method, allow] of [
      ["/v2/models/echo/infer", "GET", "POST"],
      ["/v2/models/echo/versions/1/infer", "PUT", "POST"],
      ["/v2/models/echo", "DELETE", "GET, HEAD"],
      ["/healthz", "POST", "GET, HEAD"],
    ]
  ) {
    const response = await app.get(path, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), allow);
    assert.equal(
      (await response.json()).error,
      `Cannot answer ${method}, need ${allow.replace(", ", " or ")}`,
    );
  }
  const form = await app.post("/v2/models/echo/infer", "{}", {
    "content-type": "application/x-www-form-urlencoded",
  });
  assert.equal(form.status, 415);
  assert.equal(form.headers.get("accept"), "application/json, application/octet-stream");
  assert.match((await form.json()).error, /application\/x-www-form-urlencoded/);
  const binaryIndex = await app.post("/v2/repository/index", "", {
    "content-type": "application/octet-stream",
  });
  assert.equal(binaryIndex.status, 415);
  await binaryIndex.body?.cancel();
});

Deno.test("HttpApp: HEAD answers as GET, without a body", async () => {
  const response = await new TestApp().get("/v2", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

Deno.test("HttpApp: tokens are asked for by every route but health", async (t) => {
  const token = "token-0123456789abcdef";
  const app = new TestApp();
  app.app.authenticator = new BearerAuth({ callers: [digestOf(token)], admins: undefined });
  for (const route of API_ROUTES) {
    const [pattern] = pathsOf(route);
    const path = pattern.replace("{model}", "echo").replace("{id}", "7");
    await t.step(`${route.method} ${path}`, async () => {
      const send = (headers: Record<string, string>) =>
        app.get(path, { method: route.method, headers });
      const free = ["/", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"].includes(
        path,
      );
      const without = await send({});
      assert.equal(without.status === 401, !free);
      if (!free) {
        assert.equal(without.headers.get("www-authenticate"), "Bearer");
        assert.match((await without.json()).error, /^Cannot authenticate: no authorization found/);
      }
      for (
        const authorization of [`Bearer ${token}x`, `Basic ${token}`, `Bearer ${token}, Bearer x`]
      ) {
        assert.equal((await send({ authorization })).status === 401, !free);
      }
      assert.notEqual((await send({ authorization: `bearer ${token}` })).status, 401);
    });
  }
  app.app.authenticator = undefined;
  assert.equal((await app.get("/v2")).status, 200);
});

Deno.test("HttpApp: past the most requests the rest are told to come again, health is not", async () => {
  const app = new TestApp({ requestsMax: 1 });
  const first = app.post("/v2/models/wait/infer", requestJson("FP32", [1]));
  await app.backend.waiting;
  const second = await app.get("/v2");
  assert.equal(second.status, 503);
  assert.equal(second.headers.get("retry-after"), "1");
  assert.match((await second.json()).error, /1 other requests are being answered/);
  assert.equal((await app.get("/readyz")).status, 200);
  app.backend.release();
  assert.equal((await first).status, 200);
  assert.equal((await app.get("/v2")).status, 200);
});

Deno.test("HttpApp: bodies are held within the thread's budget, and given back", async () => {
  const budget = new BodyBudget(200);
  const app = new TestApp({ budget });
  const waiting = app.post("/v2/models/wait/infer", requestJson("FP32", [1]));
  await app.backend.waiting;
  const large = requestJson("UINT8", new Array(100).fill(7));
  const refused = await app.post("/v2/models/echo/infer", large);
  assert.equal(refused.status, 503);
  assert.match((await refused.json()).error, /too many bytes of others are held/);
  app.backend.release();
  assert.equal((await waiting).status, 200);
  assert.ok(budget.tryTake(200), "everything was given back");
});

Deno.test("health: live, ready, and not ready while draining", async () => {
  const app = new TestApp();
  const statusOf = async (path: string) => {
    const response = await app.get(path);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await statusOf("/healthz"), [200, "ok"]);
  assert.deepEqual(await statusOf("/readyz"), [200, "ok"]);
  assert.deepEqual(await statusOf("/v2/health/live"), [200, '{"live":true}']);
  assert.deepEqual(await statusOf("/v2/health/ready"), [200, '{"ready":true}']);
  app.backend.ready = false;
  assert.deepEqual(await statusOf("/readyz"), [503, "not ready"]);
  assert.deepEqual(await statusOf("/v2/health/ready"), [503, '{"ready":false}']);
  app.backend.ready = true;
  app.draining = true;
  assert.deepEqual(await statusOf("/readyz"), [503, "draining"]);
  assert.deepEqual(await statusOf("/v2/health/ready"), [503, '{"ready":false}']);
  assert.deepEqual(await statusOf("/healthz"), [200, "ok"]);
});

Deno.test("models: metadata, readiness, configuration and statistics", async () => {
  const app = new TestApp();
  const jsonOf = async (path: string, status = 200) => {
    const response = await app.get(path);
    const value = await response.json();
    assert.equal(response.status, status, JSON.stringify(value));
    return value;
  };
  assert.equal((await jsonOf("/v2")).version, "1.2.3");
  assert.deepEqual(await jsonOf("/v2/models/my%20m%C3%B6del"), {
    name: "my mödel",
    versions: ["2", "3"],
    platform: "script",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
  });
  assert.deepEqual((await jsonOf("/v2/models/echo/versions/2")).versions, ["2"]);
  assert.deepEqual(await jsonOf("/v2/models/echo/versions/3/ready"), { name: "echo", ready: true });
  assert.deepEqual(await jsonOf("/v2/models/other/ready", 503), {
    error: 'Model "other" is not ready',
  });
  assert.match((await jsonOf("/v2/models/missing/ready", 404)).error, /missing/);
  assert.match((await jsonOf("/v2/models/missing", 404)).error, /missing/);
  assert.equal((await jsonOf("/v2/models/echo/config")).instances, 2);
  const all = await jsonOf("/v2/models/stats");
  assert.deepEqual(all, await jsonOf("/v2/models/echo/stats"));
  assert.deepEqual((await jsonOf("/v2/models/other/stats")).model_stats, []);
  const [stats] = all.model_stats;
  assert.deepEqual(stats.inference_stats.success, { count: 7, ns: 10_500_000 });
  // As over gRPC, and as Triton's are: as often as the model computed.
  const { compute_infer, compute_input, compute_output } = stats.inference_stats;
  assert.ok(compute_infer.count > 0);
  assert.deepEqual([compute_input, compute_output], [
    { count: compute_infer.count, ns: 0 },
    { count: compute_infer.count, ns: 0 },
  ]);
  assert.deepEqual(stats.inference_stats.cache_hit, { count: 3, ns: 250_000 });
  assert.equal(stats.last_inference, 1_700_000_000_123);
  assert.deepEqual(stats.batch_stats[1].compute_infer, { count: 1, ns: 1_250_000 });
});

Deno.test("repository: index, load, unload", async () => {
  const app = new TestApp();
  const index = async (body: object | string) =>
    (await (await app.post("/v2/repository/index", body)).json()).map((
      { name }: { name: string },
    ) => name);
  assert.deepEqual(await index(""), ["echo", "broken"]);
  assert.deepEqual(await index({ ready: true }), ["echo"]);
  assert.deepEqual(await index({ ready: false }), ["echo", "broken"]);
  const wrong = await app.post("/v2/repository/index", { ready: "yes" });
  assert.equal(
    (await wrong.json()).error,
    "Cannot read request: ready: expected boolean, received string",
  );
  const path = "/v2/repository/models/echo";
  assert.deepEqual(await (await app.post(`${path}/load`, "")).json(), {});
  const config = await app.post(`${path}/load`, { parameters: { config: "{}" } });
  assert.equal(config.status, 400);
  assert.match((await config.json()).error, /parameter "config" is not supported/);
  const unload = { parameters: { unload_dependents: false } };
  assert.equal((await app.post(`${path}/unload`, unload)).status, 200);
  assert.deepEqual([app.backend.loaded, app.backend.unloaded], [["echo"], ["echo"]]);
  assert.equal((await app.post("/v2/repository/models/missing/load", "")).status, 404);
});

Deno.test("repository: who is gone is waited for no longer", async () => {
  const app = new TestApp();
  const controller = new AbortController();
  const loading = app.get("/v2/repository/models/wait/load", {
    method: "POST",
    signal: controller.signal,
  });
  while (app.observer.started === 0) await Promise.resolve();
  controller.abort();
  assert.equal((await loading).status, 499);
  await app.app.untilIdle();
  assert.deepEqual(app.observer.errors, []);
});

Deno.test("HttpApp: a page of another origin changes nothing, one of this server does", async () => {
  const app = new TestApp();
  const path = "/v2/repository/models/echo/load";
  for (const origin of ["https://elsewhere.example", "null", "http://localhost:1"]) {
    const refused = await app.get(path, { method: "POST", headers: { origin } });
    assert.equal(refused.status, 403, origin);
    assert.match((await refused.json()).error, /page of another origin/);
  }
  const own = await app.get(path, {
    method: "POST",
    headers: { origin: "http://models.example:8080", host: "models.example:8080" },
  });
  assert.equal(own.status, 200);
  assert.equal((await app.get(path, { method: "POST" })).status, 200);
});

Deno.test("HttpApp: an output is asked for once", async () => {
  const outputs = [{ name: "x" }, { name: "x" }];
  const body = { ...requestJson("FP32", [1]), outputs };
  const response = await new TestApp().post("/v2/models/echo/infer", body);
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), {
    error: 'Cannot read request: output "x" is asked for twice',
  });
});
