import { deflateSync, inflateSync } from "node:zlib";
import { decode } from "fast-png";
import type { Image } from "./image.ts";
import { cannotDecode, wordsOf } from "./image_error.ts";
import { PNG_COLORS, type PngChunks, type PngHead, readPngChunks } from "./png_chunks.ts";
import { pngPixels } from "./png_pixels.ts";

/** Where each pass of Adam7 begins, and how far apart its pixels are. Source: PNG specification §8.2. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** What zlib hands over at once, at most. */
const CHUNK_BYTES = 65_536;

/**
 * A PNG's pixels.
 *
 * fast-png inflates whatever comes, without a bound: so it is handed no bytes of strangers but what zlib has
 * inflated to the length that the header says, in a file that has nothing else.
 *
 * @param bytes that begin with the signature
 * @throws {OperationError} `invalid-argument` saying what is wrong with the file
 */
export function decodePng(bytes: Uint8Array): Image {
  const chunks = readPngChunks(bytes);
  const { head } = chunks;
  // fast-png 8.0.0 takes their samples for bytes.
  if (head.interlaced && head.depth < 8) {
    throw cannotDecode(
      "the PNG",
      `it is interlaced with ${head.depth} bits a sample, needs 8 or 16 or no interlacing`,
    );
  }
  const plain = plainPng(head, inflated(chunks));
  try {
    return pngPixels(chunks, decode(plain).data);
  } catch (error) {
    throw cannotDecode("the PNG", wordsOf(error), error);
  }
}

/** Shapes: (filteredBytes,): rows as the filters left them, each after its filter's number. */
function inflated({ head, compressed }: PngChunks): Uint8Array {
  const needed = filteredBytes(head);
  let filtered: Uint8Array;
  try {
    filtered = inflateSync(compressed, {
      maxOutputLength: needed,
      chunkSize: Math.min(Math.max(needed, 64), CHUNK_BYTES),
    });
  } catch (error) {
    const tooLong = (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    const why = tooLong
      ? `its pixels inflate to more than the ${needed} bytes of ${head.width}×${head.height}`
      : `its pixels do not inflate: ${wordsOf(error)}`;
    throw cannotDecode("the PNG", why, error);
  }
  if (filtered.length === needed) return filtered;
  throw cannotDecode(
    "the PNG",
    `its pixels inflate to ${filtered.length} bytes, needs ${needed} for ${head.width}×${head.height}`,
  );
}

function filteredBytes({ width, height, depth, color, interlaced }: PngHead): number {
  const bits = depth * PNG_COLORS[color].channels;
  if (!interlaced) return height * (1 + Math.ceil(width * bits / 8));
  let bytes = 0;
  for (const [x, y, xStep, yStep] of PASSES) {
    const [columns, rows] = [Math.ceil((width - x) / xStep), Math.ceil((height - y) / yStep)];
    if (columns > 0 && rows > 0) bytes += rows * (1 + Math.ceil(columns * bits / 8));
  }
  return bytes;
}

/** A file of these pixels and nothing else; they are stored, so that inflating them is copying. */
function plainPng({ width, height, depth, color, interlaced }: PngHead, filtered: Uint8Array) {
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([depth, color, 0, 0, Number(interlaced)], 8);
  const chunks: [string, Uint8Array][] = [
    ["IHDR", head],
    ["IDAT", deflateSync(filtered, { level: 0, chunkSize: CHUNK_BYTES })],
    ["IEND", new Uint8Array(0)],
  ];
  const file = new Uint8Array(chunks.reduce((sum, [, { length }]) => sum + 12 + length, 8));
  file.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  let at = 8;
  for (const [type, content] of chunks) {
    new DataView(file.buffer).setUint32(at, content.length);
    file.set(new TextEncoder().encode(type), at + 4);
    file.set(content, at + 8);
    // Its checksum stays 0, which fast-png does not look at unless it is told to.
    at += 12 + content.length;
  }
  return file;
}
