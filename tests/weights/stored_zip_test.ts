import assert from "node:assert/strict";
import fc from "fast-check";
import { readStoredZip } from "../../lib/weights/stored_zip.ts";
import { assertRefused, SEED, valueUnlessRefused } from "./refusal.ts";
import { type WriteOptions, writeStoredZip, type WrittenFile } from "./stored_zip_writer.ts";

const A: WrittenFile = { name: "a", data: Uint8Array.of(1, 2, 3) };
const B: WrittenFile = { name: "folder/b", data: Uint8Array.of(4) };

const files = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
    data: fc.uint8Array({ maxLength: 40 }),
    zip64: fc.boolean(),
  }),
  { selector: ({ name }) => name, maxLength: 6 },
);

Deno.test("readStoredZip() reads what was written, as views, in its order", () => {
  fc.assert(
    fc.property(
      files,
      fc.record({
        comment: fc.uint8Array({ maxLength: 30 }),
        zip64: fc.boolean(),
        align: fc.constantFrom(1, 64),
      }),
      (written, options) => {
        const bytes = writeStoredZip(written, options);
        const found = readStoredZip(bytes);
        assert.deepEqual([...found.keys()], written.map(({ name }) => name));
        for (const { name, data } of written) {
          const view = found.get(name);
          assert.deepEqual(view, data);
          assert.equal(view?.buffer, bytes.buffer);
        }
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("readStoredZip() reads what stands within larger memory", () => {
  const bytes = writeStoredZip([A, B]);
  const memory = new Uint8Array(bytes.length + 20);
  memory.set(bytes, 7);
  const found = readStoredZip(memory.subarray(7, 7 + bytes.length));
  assert.deepEqual(found.get("folder/b"), B.data);
});

const REFUSALS: readonly (readonly [string, readonly WrittenFile[], RegExp, WriteOptions?])[] = [
  ["a compressed file", [{ ...A, method: 8 }], /entry "a" is compressed \(method 8\)/],
  ["an encrypted file", [{ ...A, flags: 1 }], /entry "a" is encrypted/],
  ["a hidden header", [{ ...A, flags: 0x2000 }], /entry "a" is encrypted/],
  ["a patch", [{ ...A, flags: 0x20 }], /entry "a" is encrypted or a patch/],
  [
    "a wrong checksum",
    [{ ...A, crc: 7 }],
    /entry "a" is damaged: its CRC-32 is [0-9a-f]+, needs 7/,
  ],
  ["two of a name", [A, { ...B, name: "a" }], /two entries "a"/],
  ["two names of one file", [A, { ...A, name: "a", sharesWith: 0 }], /overlap/],
  ["another local name", [{ ...A, localName: "z" }], /entry "a" has another name/],
  ["data past the directory", [A, { ...B, bytes: 200 }], /"folder\/b" runs past the data/],
  ["data of the next file", [{ ...A, bytes: 10 }, B], /"a" and "folder\/b" overlap/],
  ["more data than numbers count", [{ ...A, bytes: 2 ** 60, zip64: true }], /runs past the data/],
];

Deno.test("readStoredZip() refuses", async (t) => {
  for (const [name, written, message] of REFUSALS) {
    await t.step(name, () => assertRefused(() => readStoredZip(writeStoredZip(written)), message));
  }
});

/** Archives of A and B with a byte changed; offsets count from the end of the archive. */
const CHANGES: readonly (readonly [string, number, number, RegExp])[] = [
  ["entries that are not there", 12, 3, /part of several/],
  ["a second part", 18, 1, /part of several/],
  ["another length of the directory", 10, 1, /its directory ends at byte/],
  ["another place of the directory", 6, 1, /its directory ends at byte/],
  ["a comment that is not there", 2, 1, /without the end of one/],
];

Deno.test("readStoredZip() refuses an end with", async (t) => {
  for (const [name, fromEnd, value, message] of CHANGES) {
    await t.step(name, () => {
      const bytes = writeStoredZip([A, B]);
      bytes[bytes.length - fromEnd] = value;
      assertRefused(() => readStoredZip(bytes), message);
    });
  }
  await t.step("too few and too many entries", () => {
    const bytes = writeStoredZip([A, B]);
    for (const [count, message] of [[1, /does not end with its last/], [3, /fewer/]] as const) {
      bytes[bytes.length - 12] = bytes[bytes.length - 14] = count;
      assertRefused(() => readStoredZip(bytes), message);
    }
  });
  await t.step("a ZIP64 record that says something else", () => {
    const bytes = writeStoredZip([A, B], { zip64: true });
    bytes[bytes.length - 12] = bytes[bytes.length - 14] = 1;
    bytes[bytes.length - 11] = bytes[bytes.length - 13] = 0;
    assertRefused(() => readStoredZip(bytes), /ZIP64 record says 2 where its end says 1/);
  });
  await t.step("a ZIP64 record somewhere else", () => {
    const bytes = writeStoredZip([A, B], { zip64: true });
    bytes[bytes.length - 22 - 12] ^= 1;
    assertRefused(() => readStoredZip(bytes), /ZIP64 record is not where/);
  });
  await t.step("more entries than any file has", () => {
    const bytes = writeStoredZip([A, B], { zip64: true });
    // Of the ZIP64 record's numbers, the high bytes.
    bytes[bytes.length - 22 - 20 - 56 + 32 + 6] = 1;
    assertRefused(() => readStoredZip(bytes), /at most 65600 are read/);
  });
});

Deno.test("readStoredZip() refuses every part of an archive", () => {
  const bytes = writeStoredZip([A, B], { align: 64, zip64: true });
  for (let length = 0; length < bytes.length; length++) {
    assertRefused(() => readStoredZip(bytes.subarray(0, length)), /Cannot read the ZIP archive/);
  }
});

Deno.test("readStoredZip() gives the files' own bytes or refuses, whatever byte is changed", () => {
  const written = [A, B, { ...A, name: "c", zip64: true }];
  for (const zip64 of [false, true]) {
    const bytes = writeStoredZip(written, { zip64 });
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = bytes.slice();
        changed[at] ^= 1 << bit;
        const found = valueUnlessRefused(() => readStoredZip(changed));
        const data = [...found?.values() ?? []];
        assert.ok(data.every((bytes, i) => bytes.toHex() === written[i].data.toHex()));
      }
    }
  }
});
