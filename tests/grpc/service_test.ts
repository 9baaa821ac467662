import assert from "node:assert/strict";
import { ServiceRegistry } from "../../lib/grpc/service.ts";
import { echo, type Note } from "./test_server.ts";

Deno.test("ServiceRegistry names its services with their packages, each once", () => {
  const registry = new ServiceRegistry();
  assert.deepEqual(registry.services, []);
  const note = (note: Note) => note;
  registry.add({ ...echo.unary, path: "/Bare/Unary" }, note);
  registry.add(echo.unary, note);
  registry.add({ ...echo.unary, path: "/test.Echo/Other" }, note);
  assert.deepEqual(registry.services, ["Bare", "test.Echo"]);
});
