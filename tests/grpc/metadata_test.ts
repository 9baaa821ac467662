import assert from "node:assert/strict";
import fc from "fast-check";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code } from "../../lib/grpc/status.ts";
import { HeaderField } from "../../lib/http2/hpack/header_field.ts";

function fieldsOf(...pairs: [name: string, value: string][]): HeaderField[] {
  return pairs.map(([name, value]) => new HeaderField(name, value));
}

Deno.test("Metadata keeps the values of a repeated key in order", () => {
  const metadata = new Metadata().append("k", "1").append("other", "x").append("k", "2");
  assert.equal(metadata.get("k"), "1");
  assert.deepEqual(metadata.getAll("k"), ["1", "2"]);
  assert.equal(metadata.get("absent"), undefined);
  assert.deepEqual(metadata.getAll("absent"), []);
  assert.deepEqual(metadata.entries().map(([key]) => key), ["k", "other", "k"]);
});

Deno.test("Metadata.append() refuses keys that cannot travel", async (t) => {
  const keys = ["", "Upper", "a b", "ä", ":path", "te", "content-type", "content-length"];
  const ofGrpc = ["grpc-status", "grpc-message", "grpc-timeout", "grpc-encoding"];
  const ofHttp1 = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
  for (const key of [...keys, ...ofGrpc, ...ofHttp1]) {
    await t.step(JSON.stringify(key), () => {
      assert.throws(() => new Metadata().append(key, "v"), TypeError);
    });
  }
});

Deno.test("Metadata.append() refuses values that cannot travel", async (t) => {
  const cases: [name: string, key: string, value: string | Uint8Array][] = [
    ["text under -bin", "k-bin", "text"],
    ["bytes without -bin", "k", new Uint8Array(1)],
    ["a leading space", "k", " a"],
    ["a trailing space", "k", "a "],
    ["a line break", "k", "a\nb"],
    ["a line break at the end", "k", "a\n"],
    ["a tab", "k", "a\tb"],
    ["non-ASCII", "k", "ä"],
  ];
  for (const [name, key, value] of cases) {
    await t.step(name, () => {
      assert.throws(() => new Metadata().append(key, value), TypeError);
    });
  }
});

Deno.test("Metadata.fromFields() leaves out what belongs to the protocol", () => {
  const metadata = Metadata.fromFields(fieldsOf(
    [":path", "/a/B"],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ["grpc-timeout", "1S"],
    ["grpc-status", "0"],
    ["user-agent", "test"],
    ["k", "v"],
  ));
  assert.deepEqual(metadata.entries(), [["user-agent", "test"], ["k", "v"]]);
});

Deno.test("Metadata.fromFields() reads -bin values padded, bare and joined by commas", async (t) => {
  const cases: [value: string, bytes: number[][]][] = [
    ["AQI=", [[1, 2]]],
    ["AQI", [[1, 2]]],
    ["", [[]]],
    ["AQ,Ag==, Aw", [[1], [2], [3]]],
    ["AQ,", [[1], []]],
  ];
  for (const [value, bytes] of cases) {
    await t.step(JSON.stringify(value), () => {
      const values = Metadata.fromFields(fieldsOf(["k-bin", value])).getAll("k-bin");
      assert.deepEqual(values.map((bytes) => [...bytes as Uint8Array]), bytes);
    });
  }
});

Deno.test("Metadata.fromFields() answers a -bin value that is not base64 with INTERNAL", () => {
  for (const value of ["*", "A", "AQ==AQ"]) {
    assert.throws(() => Metadata.fromFields(fieldsOf(["k-bin", value])), {
      name: "GrpcError",
      code: Code.INTERNAL,
    });
  }
});

Deno.test("Metadata keeps credentials out of HPACK tables", () => {
  const fields = new Metadata().append("authorization", "secret").append("k", "v").toFields();
  assert.deepEqual(fields.map(({ sensitive }) => sensitive), [true, false]);
});

Deno.test("Metadata comes back from its fields as it was", () => {
  const key = fc.stringMatching(/^[0-9a-z_.-]{1,20}$/).filter((key) => !key.endsWith("-bin"));
  const text = fc.tuple(
    key.map((key) => `x-${key}`),
    fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/),
  );
  const binary = fc.tuple(key.map((key) => `x-${key}-bin`), fc.uint8Array());
  fc.assert(fc.property(fc.array(fc.oneof(text, binary)), (entries) => {
    const metadata = new Metadata();
    for (const [key, value] of entries) metadata.append(key, value);
    assert.deepEqual(Metadata.fromFields(metadata.toFields()).entries(), entries);
  }));
});

Deno.test("Metadata.append() refuses once it is frozen", () => {
  const metadata = new Metadata().append("k", "1").freeze();
  assert.equal(metadata.frozen, true);
  assert.throws(() => metadata.append("k", "2"), TypeError);
  assert.deepEqual(metadata.getAll("k"), ["1"]);
});
