import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { gunzip, gzip } from "../../lib/grpc/gzip.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";

const BYTES_MAX = 100_000;

/** Bytes that differ, and repeat enough to be worth it. */
const MESSAGE = Uint8Array.from({ length: 2_000 }, (_, i) => (i * i) >>> 7);
const PACKED = gzip(MESSAGE);

function changed(at: number, change: (byte: number) => number): Uint8Array {
  const bytes = PACKED.slice();
  bytes[at] = change(bytes[at]);
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("gunzip(gzip(x)) is x, and holds no more memory than x is long", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 5_000 }),
    fc.tuple(fc.nat(255), fc.nat(BYTES_MAX)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    const found = gunzip(gzip(bytes), BYTES_MAX);
    assert.equal(found.constructor, Uint8Array);
    assert.equal(found.buffer.byteLength, bytes.length);
    assert.deepEqual(found, bytes);
  }));
});

Deno.test("gunzip() stops past its limit, and takes what is at the limit", () => {
  for (const length of [1, 1_000, 16_384, 16_385, BYTES_MAX]) {
    const packed = gzip(new Uint8Array(length));
    assert.equal(gunzip(packed, length).length, length);
    if (length === 1) continue;
    assert.throws(() => gunzip(packed, length - 1), {
      name: "GrpcError",
      code: Code.RESOURCE_EXHAUSTED,
      message: new RegExp(`more than ${length - 1} bytes`),
    });
  }
});

Deno.test("gunzip() of a bomb makes no more than its limit", () => {
  const bomb = gzip(new Uint8Array(100_000_000));
  assert.ok(bomb.length < 1_000_000);
  const before = Deno.memoryUsage().external;
  const error = catchError(() => gunzip(bomb, BYTES_MAX));
  const grown = Deno.memoryUsage().external - before;
  assert.equal(error?.code, Code.RESOURCE_EXHAUSTED);
  assert.ok(grown < 10_000_000, `${grown} bytes`);
});

Deno.test("gunzip() refuses whatever is not exactly gzip's", async (t) => {
  const end = PACKED.length;
  const cases: [name: string, bytes: Uint8Array][] = [
    ["nothing", new Uint8Array()],
    ["text", new TextEncoder().encode("Nothing here is compressed at all.")],
    ["zlib's format", new Uint8Array([0x78, 0x9c, 0x03, 0, 0, 0, 0, 1])],
    ["another method", changed(2, () => 7)],
    ["flags that are reserved", changed(3, () => 0xe0)],
    ["damaged data", changed(end >> 1, (byte) => byte ^ 0x55)],
    ["a wrong checksum", changed(end - 8, (byte) => byte ^ 1)],
    ["a length one too many", changed(end - 4, (byte) => byte + 1)],
    ["a length of gigabytes", changed(end - 1, () => 0xff)],
    ["a length of nothing", PACKED.map((byte, i) => i < end - 4 ? byte : 0)],
    ["a byte behind it", joined(PACKED, new Uint8Array([7]))],
    ["zeros behind it", joined(PACKED, new Uint8Array(3))],
    ["zeros and more behind it", joined(PACKED, new Uint8Array([0, 0, 5]))],
    ["half a member behind it", joined(PACKED, PACKED.subarray(0, 12))],
  ];
  for (const [name, bytes] of cases) {
    await t.step(name, () => {
      assert.throws(() => gunzip(bytes, BYTES_MAX), { name: "GrpcError", code: Code.INTERNAL });
    });
  }
  await t.step("every shorter piece of it", () => {
    for (let cut = 0; cut < end; cut++) {
      assert.equal(
        catchError(() => gunzip(PACKED.subarray(0, cut), BYTES_MAX))?.code,
        13,
        `${cut}`,
      );
    }
  });
});

Deno.test("gunzip() reads what others write: any level, names, more than one member", () => {
  for (const level of [0, 1, 9]) {
    assert.deepEqual(gunzip(gzipSync(MESSAGE, { level }), BYTES_MAX), MESSAGE);
  }
  assert.deepEqual(gunzip(joined(PACKED, PACKED), BYTES_MAX), joined(MESSAGE, MESSAGE));
  const name = new TextEncoder().encode("a.txt\0");
  const flagged = changed(3, () => 8);
  const named = joined(flagged.subarray(0, 10), name, flagged.subarray(10));
  assert.deepEqual(gunzip(named, BYTES_MAX), MESSAGE);
});

Deno.test("gunzip() of random bytes, or of changed ones, gives bytes or our error", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((rest) => joined(PACKED.subarray(0, 10), rest)),
    fc.tuple(fc.nat(PACKED.length - 1), fc.nat(255)).map(([at, to]) => changed(at, () => to)),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    const error = catchError(() => gunzip(bytes, BYTES_MAX));
    assert.ok(error === undefined || error instanceof GrpcError, String(error));
  }));
});

function catchError(run: () => unknown): GrpcError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as GrpcError;
  }
}
