import assert from "node:assert/strict";
import { isLoopback } from "../../lib/security/loopback.ts";

Deno.test("isLoopback() knows the addresses that no other machine reaches", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "0:0::1"]) {
    assert.equal(isLoopback(host), true, host);
  }
  for (const host of ["0.0.0.0", "10.0.0.1", "127.example.com", "::", "fe80::1", "example.com"]) {
    assert.equal(isLoopback(host), false, host);
  }
});
