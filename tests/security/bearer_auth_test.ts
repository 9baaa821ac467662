import assert from "node:assert/strict";
import { Code } from "../../lib/grpc/status.ts";
import { parseRequestHead } from "../../lib/http2/message_head.ts";
import { BearerAuth, bearerMetadata, digestOf } from "../../lib/security/bearer_auth.ts";
import { fieldsOf } from "../grpc/scripted_peer.ts";

const OLD = "old-token-0123456789";
const NEW = "new-token-0123456789";
const ADMIN = "admin-token-0123456789";
const callers = [OLD, NEW].map(digestOf);
const admins = [digestOf(ADMIN)];
const auth = new BearerAuth({ callers, admins: undefined });

function refusal(
  authorizations: readonly string[],
  path = "/ModelServer/Predict",
  asked = auth,
) {
  const pairs = authorizations.map((value) => ["authorization", value] as const);
  const fields = fieldsOf([[":method", "POST"], [":scheme", "http"], [":path", path], ...pairs]);
  return asked.refusalOf(parseRequestHead(1, fields));
}

Deno.test("BearerAuth lets any of its tokens in, whatever the case of the scheme", () => {
  for (const token of [OLD, NEW]) {
    for (const scheme of ["Bearer", "bearer", "BEARER", "Bearer  "]) {
      assert.equal(refusal([`${scheme} ${token}`]), undefined, scheme);
    }
  }
});

Deno.test("BearerAuth refuses all else with UNAUTHENTICATED, and repeats nothing of it", async (t) => {
  const cases: [string, string[], RegExp][] = [
    ["none", [], /no authorization found/],
    ["wrong token", ["Bearer wrong-token-012345"], /a token that is not valid found/],
    ["a part of a token", [`Bearer ${OLD.slice(0, -1)}`], /not valid/],
    ["more than a token", [`Bearer ${OLD}x`], /not valid/],
    ["other case", [`Bearer ${OLD.toUpperCase()}`], /not valid/],
    ["twice", [`Bearer ${OLD}`, `Bearer ${OLD}`], /2 authorizations/],
    ["other scheme", ["Basic d3JvbmctdG9rZW4="], /another kind/],
    ["no scheme", [OLD], /another kind/],
    ["no token", ["Bearer"], /another kind/],
    ["two tokens", [`Bearer ${OLD} ${NEW}`], /another kind/],
    ["empty", [""], /another kind/],
  ];
  for (const [what, authorizations, message] of cases) {
    await t.step(what, () => {
      const error = refusal(authorizations);
      assert.equal(error?.code, Code.UNAUTHENTICATED);
      assert.match(error.message, message);
      for (const text of [OLD, NEW, "wrong-token", "d3Jvbmct"]) {
        assert.ok(!JSON.stringify([error.message, error.stack, error]).includes(text));
      }
    });
  }
});

const INFER = "/inference.GRPCInferenceService/ModelInfer";
const INDEX = "/inference.GRPCInferenceService/RepositoryIndex";
const LOAD = "/inference.GRPCInferenceService/RepositoryModelLoad";
const UNLOAD = "/inference.GRPCInferenceService/RepositoryModelUnload";

Deno.test("BearerAuth lets administrators do everything, callers all but load and unload", async (t) => {
  const { UNAUTHENTICATED, PERMISSION_DENIED } = Code;
  const both = new BearerAuth({ callers, admins });
  const adminsAlone = new BearerAuth({ callers: undefined, admins });
  /** Of calls and of management, by what is shown. */
  const cases: [string, BearerAuth, string[], (Code | undefined)[]][] = [
    ["callers alone, a caller", auth, [`Bearer ${OLD}`], [undefined, undefined]],
    ["callers alone, nothing", auth, [], [UNAUTHENTICATED, UNAUTHENTICATED]],
    ["callers alone, an admin's", auth, [`Bearer ${ADMIN}`], [UNAUTHENTICATED, UNAUTHENTICATED]],
    ["both, a caller", both, [`Bearer ${NEW}`], [undefined, PERMISSION_DENIED]],
    ["both, an admin", both, [`Bearer ${ADMIN}`], [undefined, undefined]],
    ["both, nothing", both, [], [UNAUTHENTICATED, UNAUTHENTICATED]],
    ["both, twice", both, [`Bearer ${ADMIN}`, `Bearer ${OLD}`], [UNAUTHENTICATED, UNAUTHENTICATED]],
    ["admins alone, nothing", adminsAlone, [], [undefined, UNAUTHENTICATED]],
    ["admins alone, a caller's", adminsAlone, [`Bearer ${OLD}`], [undefined, UNAUTHENTICATED]],
    ["admins alone, an admin", adminsAlone, [`Bearer ${ADMIN}`], [undefined, undefined]],
  ];
  for (const [what, asked, shown, [ofCalls, ofManagement]] of cases) {
    await t.step(what, () => {
      for (const path of [INFER, INDEX, "/ModelServer/Predict"]) {
        assert.equal(refusal(shown, path, asked)?.code, ofCalls, path);
      }
      for (const path of [LOAD, UNLOAD]) {
        assert.equal(refusal(shown, path, asked)?.code, ofManagement, path);
      }
    });
  }
});

Deno.test("BearerAuth asks who wants a server's health for nothing, and only them", () => {
  assert.equal(refusal([], "/grpc.health.v1.Health/Check"), undefined);
  assert.equal(refusal([], "/grpc.health.v1.Health/Watch"), undefined);
  for (
    const path of [
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "/grpc.health.v1.HealthX/Check",
      "/x/grpc.health.v1.Health/Check",
      "/",
    ]
  ) assert.equal(refusal([], path)?.code, Code.UNAUTHENTICATED, path);
});

Deno.test("bearerMetadata() is a field that no table remembers", () => {
  const [field] = bearerMetadata(OLD).toFields();
  assert.deepEqual({ ...field, bytes: 0 }, {
    name: "authorization",
    value: `Bearer ${OLD}`,
    sensitive: true,
    bytes: 0,
  });
});
