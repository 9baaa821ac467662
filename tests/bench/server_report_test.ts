import assert from "node:assert/strict";
import fc from "fast-check";
import { readServerReport, type ServerReport } from "../../lib/bench/server_report.ts";

function read(timing: string): Partial<ServerReport> | undefined {
  const report = readServerReport([{ name: "server-timing", value: timing }]);
  if (report === undefined) return undefined;
  return Object.fromEntries(Object.entries(report).filter(([, value]) => value !== undefined));
}

Deno.test("readServerReport() reads what is well formed and passes over the rest", async (t) => {
  const all = { queueMs: 0.012, computeMs: 1.204, cacheMs: 0.003 };
  const cases: readonly (readonly [text: string, expected: ReturnType<typeof read>])[] = [
    ["queue;dur=0.012, compute;dur=1.204, cache;dur=0.003", all],
    ["cache;dur=0.003,queue;dur=0.012,compute;dur=1.204", all],
    [' queue ; desc="a, b;c" ; DUR = 0.012 ,compute;dur="1.204", cache;x;dur=3e-3', all],
    ['queue;desc="\\"dur=7,compute;dur=7";dur=2', { queueMs: 2 }],
    ["compute;dur=0", { computeMs: 0 }],
    ["compute;dur=5., queue;dur=.5", { computeMs: 5, queueMs: 0.5 }],
    ["compute;dur=1, compute;dur=2", { computeMs: 1 }],
    ["compute;dur=1;dur=2", { computeMs: 1 }],
    ["db;dur=53, compute;dur=1", { computeMs: 1 }],
    ["Queue;dur=1", undefined],
    ["queue", undefined],
    ["queue;dur", undefined],
    ["queue;dur=", undefined],
    ["queue;dur=-1, compute;dur=+1, cache;dur=1e", undefined],
    ["queue;dur=1e999, compute;dur=Infinity, cache;dur=NaN", undefined],
    ["queue;dur=0x10, compute;dur=1 2, cache;dur=1,5", { cacheMs: 1 }],
    ['queue;dur=", compute;dur=1', undefined],
    ['queue;dur=1, compute;dur="2', { queueMs: 1 }],
    ["", undefined],
    [",;,=;,", undefined],
    [`queue;dur=1, ${"x".repeat(1_100)}`, undefined],
    ["constructor;dur=1, __proto__;dur=1", undefined],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text).slice(0, 60), () => assert.deepEqual(read(text), expected));
  }
});

Deno.test("readServerReport() reads the cache's answer, and what comes in several fields", () => {
  const report = readServerReport([
    { name: "grpc-status", value: "0" },
    { name: "cache", value: "stale" },
    { name: "cache", value: "coalesced" },
    { name: "cache", value: "hit" },
    { name: "server-timing", value: "compute;dur=1" },
    { name: "server-timing", value: "compute;dur=2, queue;dur=3" },
  ]);
  assert.deepEqual(report, {
    ...{ cache: "coalesced", computeMs: 1, queueMs: 3, cacheMs: undefined },
  });
  for (const value of ["Hit", "hits", " hit", "", "true"]) {
    assert.equal(readServerReport([{ name: "cache", value }]), undefined);
  }
  assert.equal(readServerReport([]), undefined);
});

Deno.test("readServerReport() reads back what was written, in any order, among other entries", () => {
  const ms = fc.integer({ min: 0, max: 1e9 }).map((us) => us / 1_000);
  const names = fc.shuffledSubarray(["queue", "compute", "cache", "db", "total"]);
  fc.assert(fc.property(names, fc.array(ms, { minLength: 5, maxLength: 5 }), (names, times) => {
    const text = names.map((name, i) => `${name};dur=${times[i]}`).join(", ");
    const known = names.flatMap((name, i) =>
      ["queue", "compute", "cache"].includes(name) ? [[`${name}Ms`, times[i]]] : []
    );
    assert.deepEqual(read(text), known.length === 0 ? undefined : Object.fromEntries(known));
  }));
});

Deno.test("readServerReport() makes times of no text but finite ones, and never throws", () => {
  const part = fc.constantFrom(...'queue compute cache dur = ; , " \\ . - e 1 23 0.5'.split(" "));
  const text = fc.oneof(fc.string(), fc.array(part, { maxLength: 40 }).map((p) => p.join("")));
  fc.assert(fc.property(text, (text) => {
    for (const time of Object.values(read(text) ?? {})) {
      assert.ok(typeof time === "number" && Number.isFinite(time) && time >= 0, text);
    }
  }));
});
