import assert from "node:assert/strict";
import { decodeImage } from "../../lib/images/decode_image.ts";
import type { Image } from "../../lib/images/image.ts";
import { readJpegHead } from "../../lib/images/jpeg_head.ts";
import { drawMeadow } from "../../tasks/models/face_picture.ts";
import { encodeJpeg } from "../../tasks/models/image_writer.ts";

const DRAWN = drawMeadow({ width: 83, height: 61 }, [
  { startX: 20, startY: 10, endX: 50, endY: 50 },
]);

const BASELINE = await encodeJpeg(DRAWN, { quality: 95, progressive: false });
const PROGRESSIVE = await encodeJpeg(DRAWN, { quality: 95, progressive: true });

/** Mean difference of the samples of two images of one size, of 255. */
function difference(one: Image, other: Image): number {
  assert.deepEqual([one.width, one.height], [other.width, other.height]);
  const sum = one.data.reduce((sum, value, index) => sum + Math.abs(value - other.data[index]), 0);
  return sum / one.data.length;
}

/** Where a marker's segment begins, with its FF. */
function markerAt(bytes: Uint8Array, ...markers: readonly number[]): number {
  const at = bytes.findIndex((byte, index) => byte === 0xff && markers.includes(bytes[index + 1]));
  assert.ok(at > 0);
  return at;
}

function patched(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

Deno.test("decodeImage() has nearly the pixels that a JPEG was made of", async (t) => {
  for (const [name, file] of [["baseline", BASELINE], ["progressive", PROGRESSIVE]] as const) {
    await t.step(name, async () => {
      const image = await decodeImage(file);
      assert.ok(difference(image, DRAWN) < 3, `${difference(image, DRAWN)}`);
      assert.ok(image.data.every((value, index) => index % 4 < 3 || value === 255), "opaque");
    });
  }
  await t.step("part of a buffer", async () => {
    const within = new Uint8Array(BASELINE.length + 9);
    within.set(BASELINE, 4);
    const image = await decodeImage(within.subarray(4, 4 + BASELINE.length));
    assert.deepEqual(image, await decodeImage(BASELINE));
  });
  await t.step("several at once", async () => {
    const images = await Promise.all([BASELINE, PROGRESSIVE, BASELINE].map(decodeImage));
    assert.deepEqual(images[0], images[2]);
    assert.ok(difference(images[1], DRAWN) < 3);
  });
});

Deno.test("readJpegHead() tells sizes and scans", () => {
  assert.deepEqual(readJpegHead(BASELINE), { width: 83, height: 61, scans: 1 });
  const { scans, ...size } = readJpegHead(PROGRESSIVE);
  assert.deepEqual(size, { width: 83, height: 61 });
  assert.ok(scans > 3 && scans < 16, `${scans}`);
});

Deno.test("decodeImage() says what is wrong with a JPEG, and reads the next", async (t) => {
  const frame = markerAt(BASELINE, 0xc0, 0xc1);
  const huffman = markerAt(BASELINE, 0xc4);
  const scan = markerAt(PROGRESSIVE, 0xda);
  const end = PROGRESSIVE.length - 2;
  // Each scan again and again: kilobytes that ask for hours.
  const part = PROGRESSIVE.subarray(scan, end);
  const scans = 40 * readJpegHead(PROGRESSIVE).scans;
  const many = Uint8Array.from([
    ...PROGRESSIVE.subarray(0, scan),
    ...Array.from({ length: 40 }, () => [...part]).flat(),
    0xff,
    0xd9,
  ]);
  const wide = markerAt(many, 0xc2);
  const cases: [string, Uint8Array, RegExp][] = [
    [
      "its start alone",
      Uint8Array.of(0xff, 0xd8, 0xff),
      /ends after 3 bytes, without its end marker/,
    ],
    ["an empty one", Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /it has no frame/],
    ["cut in its tables", BASELINE.subarray(0, 100), /it ends after 100 bytes/],
    ["cut in its scan", BASELINE.subarray(0, BASELINE.length - 300), /without its end marker/],
    [
      "two frames",
      Uint8Array.from([
        ...BASELINE.subarray(0, frame),
        ...BASELINE.subarray(frame, frame + 19),
        ...BASELINE.subarray(frame),
      ]),
      /it has two frames, needs one/,
    ],
    [
      "no scan",
      Uint8Array.from([...BASELINE.subarray(0, frame + 19), 0xff, 0xd9]),
      /it has no scan/,
    ],
    [
      "huge",
      patched(BASELINE, frame + 5, 255, 255, 255, 255),
      /65535×65535, 4294836225 pixels, at most/,
    ],
    ["no height", patched(BASELINE, frame + 5, 0, 0), /it is 83×0 pixels/],
    ["CMYK", patched(BASELINE, frame + 9, 4), /4 components of 8 bits, needs 1 \(gray\) or 3/],
    ["12 bits", patched(BASELINE, frame + 4, 12), /3 components of 12 bits/],
    [
      "many scans",
      patched(many, wide + 5, 4_000 >> 8, 4_000 & 255, 4_000 >> 8, 4_000 & 255),
      new RegExp(`it has ${scans} scans of 4000×4000, at most 268435456 pixels`),
    ],
    ["bad tables", patched(BASELINE, huffman + 5, 255, 255, 255), /Bogus|Corrupt|Huffman/],
  ];
  for (const [name, bytes, message] of cases) {
    await t.step(name, async () => {
      await assert.rejects(decodeImage(bytes), { code: "invalid-argument", message });
      assert.ok(difference(await decodeImage(BASELINE), DRAWN) < 3);
    });
  }
});

Deno.test("decodeImage() reads a JPEG of the largest size, and a small one after it", async () => {
  const size = { width: 4_096, height: 4_096 };
  const data = new Uint8Array(size.width * size.height * 4).fill(200);
  const image = await decodeImage(
    await encodeJpeg({ ...size, data }, { quality: 75, progressive: false }),
  );
  assert.deepEqual([image.width, image.height, image.data[0]], [4_096, 4_096, 200]);
  assert.ok(difference(await decodeImage(BASELINE), DRAWN) < 3);
});
