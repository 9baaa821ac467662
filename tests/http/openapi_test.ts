import assert from "node:assert/strict";
import { API_ROUTES } from "../../lib/http/api_routes.ts";
import { openApiDocument } from "../../lib/http/openapi.ts";
import { OPERATIONS } from "../../lib/http/operations.ts";
import { pathsOf } from "../../lib/http/route.ts";
import { hasPythonModule } from "../support/python.ts";
import { runPython } from "./python_peer.ts";
import { TestApp } from "./test_http.ts";

Deno.test("/openapi.json describes every route, and nothing else", async () => {
  const response = await new TestApp().get("/openapi.json");
  const document = await response.json();
  assert.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument("1.2.3"))));
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`)
  );
  const served = API_ROUTES.filter(({ path }) => !path.startsWith("/docs/"))
    .flatMap((route) => pathsOf(route).map((path) => `${route.method} ${path}`));
  assert.deepEqual(described.sort(), served.sort());
  const operations = API_ROUTES.map(({ operation }) => operation);
  for (const name of OPERATIONS.keys()) assert.ok(operations.includes(name), name);
});

Deno.test("/openapi.json has what requests are checked with", () => {
  const text = JSON.stringify(openApiDocument("1"));
  assert.match(text, /"datatype":\{"type":"string","enum":\["BOOL"/);
  assert.match(text, /binary_data_output/);
  assert.doesNotMatch(text, /"additionalProperties":false/);
});

Deno.test({
  name: "openapi-spec-validator accepts /openapi.json",
  ignore: !hasPythonModule("openapi_spec_validator"),
}, async () => {
  await runPython("check_openapi.py", [], JSON.stringify(openApiDocument("1.2.3")));
});
