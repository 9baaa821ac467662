import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { decodeImage } from "../../lib/images/decode_image.ts";
import { encodePng } from "../../tasks/models/image_writer.ts";
import {
  buildPng,
  CHANNELS,
  filteredRows,
  headChunk,
  pngFile,
  type PngParts,
} from "./png_builder.ts";

/** Depths of each colour type, and whether they are decoded when interlaced. */
const KINDS = [
  ...[1, 2, 4, 8, 16].map((depth) => ({ color: 0, depth })),
  ...[8, 16].map((depth) => ({ color: 2, depth })),
  ...[1, 2, 4, 8].map((depth) => ({ color: 3, depth })),
  ...[8, 16].map((depth) => ({ color: 4, depth })),
  ...[8, 16].map((depth) => ({ color: 6, depth })),
];

const NONE = new Uint8Array(0);

const SMALL: PngParts = {
  width: 2,
  height: 2,
  depth: 8,
  color: 2,
  samples: Array.from({ length: 12 }, (_, index) => 20 * index),
};

const picture = fc.record({
  kind: fc.constantFrom(...KINDS),
  width: fc.integer({ min: 1, max: 19 }),
  height: fc.integer({ min: 1, max: 19 }),
  interlaced: fc.boolean(),
  hasKey: fc.boolean(),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
}).map(({ kind, width, height, interlaced, hasKey, seed }): PngParts => {
  const { depth, color } = kind;
  let state = seed;
  const next = (below: number) => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const length = width * height * CHANNELS[color];
  const samples = Array.from({ length }, () => next(2 ** depth));
  const palette = color === 3 ? Array.from({ length: 3 * 2 ** depth }, () => next(256)) : undefined;
  const key = samples.slice(0, CHANNELS[color]).flatMap((sample) => [sample >> 8, sample & 255]);
  const transparency = color === 3 ? [next(256)] : key;
  return {
    ...{ width, height, depth, color, samples },
    interlaced: interlaced && depth >= 8,
    ...(palette === undefined ? {} : { palette }),
    ...(hasKey && color < 4 ? { transparency } : {}),
  };
});

Deno.test("decodeImage() has the pixels of every kind of PNG", async () => {
  await fc.assert(fc.asyncProperty(picture, async (parts) => {
    const { width, height, data } = await decodeImage(buildPng(parts));
    assert.deepEqual([width, height], [parts.width, parts.height]);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const found = [...data.subarray(4 * pixel, 4 * pixel + 4)];
      assert.deepEqual(found, expected(parts, pixel), `pixel ${pixel}`);
    }
  }));
});

/** Sample by sample, as the specification says it. */
function expected({ depth, color, samples, palette, transparency }: PngParts, pixel: number) {
  const channels = CHANNELS[color];
  const raw = Array.from({ length: channels }, (_, channel) => samples[pixel * channels + channel]);
  if (palette !== undefined) {
    const [index] = raw;
    return [...palette.slice(3 * index, 3 * index + 3), transparency?.[index] ?? 255];
  }
  const bytes = raw.map((sample) =>
    depth === 16 ? sample >> 8 : Math.floor(sample * 255 / (2 ** depth - 1))
  );
  const isKey = transparency !== undefined &&
    raw.every((sample, channel) =>
      sample === transparency[2 * channel] * 256 + transparency[2 * channel + 1]
    );
  const [first, second, third, fourth] = bytes;
  if (color === 0) return [first, first, first, isKey ? 0 : 255];
  if (color === 2) return [first, second, third, isKey ? 0 : 255];
  return color === 4 ? [first, first, first, second] : [first, second, third, fourth];
}

Deno.test("decodeImage() reads a PNG that another program wrote, and one that is part of a buffer", async () => {
  const data = Uint8Array.from({ length: 30 * 20 * 4 }, (_, i) => i % 4 === 3 ? 255 : i * i);
  const image = { width: 30, height: 20, data };
  const file = encodePng(image);
  assert.deepEqual(await decodeImage(file), image);
  const within = new Uint8Array(file.length + 7);
  within.set(file, 5);
  assert.deepEqual(await decodeImage(within.subarray(5, 5 + file.length)), image);
});

Deno.test("decodeImage() says what is wrong with a PNG", async (t) => {
  const whole = buildPng(SMALL);
  const rows = filteredRows(SMALL);
  const head = headChunk(SMALL);
  const withPixels = (compressed: Uint8Array, start = head) =>
    pngFile([["IHDR", start], ["IDAT", compressed], ["IEND", NONE]]);
  const headOf = (change: Partial<PngParts>) => headChunk({ ...SMALL, ...change });
  const badFilter = rows.slice();
  badFilter[0] = 9;
  const cases: [string, Uint8Array, RegExp][] = [
    ["no bytes", NONE, /^Cannot decode an image: there are no bytes, needs a PNG or a JPEG$/],
    ["a GIF", new TextEncoder().encode("GIF89a.."), /8 bytes that begin with 4749463839612e2e/],
    ["the signature alone", whole.subarray(0, 8), /it ends after 8 bytes, without an IEND chunk/],
    ["cut in a chunk", whole.subarray(0, 50), /has \d+ bytes, the file has \d+ more/],
    ["cut behind a chunk", whole.subarray(0, 33), /it ends after 33 bytes/],
    ["no IHDR", pngFile([["IDAT", NONE], ["IEND", NONE]]), /its first chunk is not IHDR/],
    ["two IHDRs", pngFile([["IHDR", head], ["IHDR", head]]), /two IHDR chunks/],
    ["a short IHDR", pngFile([["IHDR", head.subarray(1)]]), /IHDR has 12 bytes, needs 13/],
    ["no width", withPixels(NONE, headOf({ width: 0 })), /it is 0×2 pixels, needs at least 1×1/],
    [
      "huge",
      withPixels(NONE, headOf({ width: 65_536, height: 65_536 })),
      /4294967296 pixels, at most 16777216/,
    ],
    [
      "deep",
      withPixels(NONE, headOf({ width: 4_096, height: 4_096, depth: 16 })),
      /its samples take 100663296 bytes, at most 67108864 are decoded/,
    ],
    ["a strange depth", withPixels(NONE, headOf({ depth: 3 })), /colour type is 2 with 3 bits/],
    ["a strange colour", withPixels(NONE, headOf({ color: 5 })), /colour type is 5 with 8 bits/],
    [
      "a strange filter",
      withPixels(NONE, head.with(11, 1)),
      /are 0, 1 and 0, needs 0, 0 and 0 or 1/,
    ],
    ["no pixels", pngFile([["IHDR", head], ["IEND", NONE]]), /its pixels do not inflate/],
    ["no zlib", withPixels(Uint8Array.of(1, 2, 3)), /its pixels do not inflate/],
    ["cut zlib", withPixels(deflateSync(rows).subarray(0, 9)), /do not inflate: unexpected end/],
    ["too few", withPixels(deflateSync(rows.subarray(1))), /inflate to 13 bytes, needs 14 for 2×2/],
    [
      "a bomb",
      withPixels(deflateSync(new Uint8Array(50_000_000))),
      /inflate to more than the 14 bytes/,
    ],
    ["an unknown filter", withPixels(deflateSync(badFilter)), /Unsupported filter: 9/],
    [
      "an index outside of the palette",
      buildPng({ ...SMALL, color: 3, samples: [0, 1, 2, 0], palette: [1, 2, 3, 4, 5, 6] }),
      /a pixel has colour 2, the palette has 2/,
    ],
    ["no palette", buildPng({ ...SMALL, color: 3, samples: [0, 0, 0, 0] }), /the palette has 0/],
    ["a palette with a rest", buildPng({ ...SMALL, palette: [1, 2] }), /palette has 2 bytes/],
    [
      "interlaced bits",
      buildPng({ ...SMALL, color: 0, depth: 1, samples: [0, 1, 1, 0], interlaced: true }),
      /interlaced with 1 bits a sample, needs 8 or 16 or no interlacing/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    await t.step(name, async () => {
      await assert.rejects(decodeImage(bytes), { code: "invalid-argument", message });
    });
  }
});

Deno.test("decodeImage() reads a PNG's pixels from several chunks, and passes others over", async () => {
  const compressed = deflateSync(filteredRows(SMALL));
  const file = pngFile([
    ["IHDR", headChunk(SMALL)],
    ["iCCP", new TextEncoder().encode("profile\0\0not zlib")],
    ["tEXt", Uint8Array.of(1)],
    ["IDAT", compressed.subarray(0, 5)],
    ["IDAT", compressed.subarray(5)],
    ["IEND", NONE],
  ]);
  assert.deepEqual(await decodeImage(file), await decodeImage(buildPng(SMALL)));
});
