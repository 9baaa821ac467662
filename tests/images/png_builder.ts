import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";

const encoder = new TextEncoder();

/** Samples of a pixel, by colour type. */
export const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Where each pass of Adam7 begins, and how far apart its pixels are. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** What a PNG says; what it says may be wrong. */
export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly color: number;
  readonly interlaced?: boolean;
  /** Row-major, channel after channel, each of `depth` bits. */
  readonly samples: ArrayLike<number>;
  readonly palette?: readonly number[];
  readonly transparency?: readonly number[];
}

/** A PNG whose rows are filtered by nothing, or by what is above. */
export function buildPng(parts: PngParts): Uint8Array {
  const { palette, transparency } = parts;
  return pngFile([
    ["IHDR", headChunk(parts)],
    ...(palette === undefined ? [] : [["PLTE", Uint8Array.from(palette)] as const]),
    ...(transparency === undefined ? [] : [["tRNS", Uint8Array.from(transparency)] as const]),
    ["IDAT", deflateSync(filteredRows(parts))],
    ["IEND", new Uint8Array(0)],
  ]);
}

/** A file of these chunks, their checksums 0. */
export function pngFile(chunks: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return Uint8Array.from(Buffer.concat([
    Uint8Array.from(signature),
    ...chunks.flatMap(([type, content]) => [
      word(content.length),
      encoder.encode(type),
      content,
      word(0),
    ]),
  ]));
}

/** What an IHDR chunk holds. */
export function headChunk(
  { width, height, depth, color, interlaced = false }: Omit<PngParts, "samples">,
): Uint8Array {
  const end = Uint8Array.of(depth, color, 0, 0, Number(interlaced));
  return Uint8Array.from(Buffer.concat([word(width), word(height), end]));
}

/** The rows of a picture as they are compressed: each with its filter in front. */
export function filteredRows(parts: PngParts): Uint8Array {
  const passes = parts.interlaced === true ? PASSES : [[0, 0, 1, 1]];
  const rows: Uint8Array[] = [];
  for (const [x, y, xStep, yStep] of passes) {
    let above: Uint8Array | undefined;
    for (let row = y; row < parts.height; row += yStep) {
      const bytes = rowBytes(parts, row, x, xStep);
      if (bytes.length === 0) continue;
      const isUp = above !== undefined && row % 3 === 1;
      const from = above;
      rows.push(Uint8Array.of(isUp ? 2 : 0));
      rows.push(isUp && from ? bytes.map((byte, index) => byte - from[index]) : bytes);
      above = bytes;
    }
  }
  return Uint8Array.from(Buffer.concat(rows));
}

function rowBytes(
  { width, depth, color, samples }: PngParts,
  row: number,
  start: number,
  step: number,
): Uint8Array {
  const channels = CHANNELS[color];
  const bits: number[] = [];
  for (let x = start; x < width; x += step) {
    for (let channel = 0; channel < channels; channel++) {
      const sample = samples[(row * width + x) * channels + channel];
      for (let bit = depth - 1; bit >= 0; bit--) bits.push((sample >> bit) & 1);
    }
  }
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, index) => bytes[index >> 3] |= bit << (7 - index % 8));
  return bytes;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
