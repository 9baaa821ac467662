import { Buffer } from "node:buffer";
import { IMAGE_BYTES_MAX } from "../limits.ts";
import { cannotDecode, checkPixels } from "./image_error.ts";

/** How the samples of a pixel stand in a file. Source: PNG specification, third edition, §11.2.1. */
export interface PngHead {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly color: PngColor;
  readonly interlaced: boolean;
}

/** What colour types there are, by their numbers in a file: samples of a pixel, and how deep they may be. */
export const PNG_COLORS = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
} as const satisfies Record<number, { channels: number; depths: readonly number[] }>;

export type PngColor = keyof typeof PNG_COLORS;

/** What of a file its pixels depend on. */
export interface PngChunks {
  readonly head: PngHead;
  /** Red, green, blue of each index; none where there is no palette. */
  readonly palette: Uint8Array;
  /** tRNS as it stands in the file; empty without one. */
  readonly transparency: Uint8Array;
  /** The zlib stream of the pixels. */
  readonly compressed: Uint8Array;
}

const SIGNATURE_BYTES = 8;
const HEAD_BYTES = 13;

/** Length and type in front of a chunk's data, a checksum behind. */
const FRAME_BYTES = 12;

const PALETTE_BYTES_MAX = 3 * 256;
const NONE = new Uint8Array(0);

/**
 * A PNG's chunks, those that its pixels depend on; the others are passed over unread.
 *
 * @param bytes that begin with the signature
 * @throws {OperationError} `invalid-argument` naming the chunk that is wrong
 */
export function readPngChunks(bytes: Uint8Array): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let head: PngHead | undefined;
  let palette: Uint8Array = NONE;
  let transparency: Uint8Array = NONE;
  const compressed: Uint8Array[] = [];
  for (let at = SIGNATURE_BYTES;;) {
    if (at + FRAME_BYTES > bytes.length) {
      throw refusal(`it ends after ${bytes.length} bytes, without an IEND chunk`);
    }
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (length > bytes.length - at - FRAME_BYTES) {
      const left = bytes.length - at - FRAME_BYTES;
      throw refusal(`a chunk says that it has ${length} bytes, the file has ${left} more`);
    }
    const content = bytes.subarray(at + 8, at + 8 + length);
    at += FRAME_BYTES + length;
    if (head === undefined && type !== "IHDR") throw refusal("its first chunk is not IHDR");
    if (type === "IHDR") head = readHead(content, head);
    else if (type === "PLTE") palette = content;
    else if (type === "tRNS") transparency = content;
    else if (type === "IDAT") compressed.push(content);
    else if (type === "IEND" && head !== undefined) {
      if (palette.length % 3 !== 0 || palette.length > PALETTE_BYTES_MAX) {
        throw refusal(
          `its palette has ${palette.length} bytes, needs 3 for each of at most 256 colours`,
        );
      }
      return { head, palette, transparency, compressed: Buffer.concat(compressed) };
    }
  }
}

function readHead(content: Uint8Array, before: PngHead | undefined): PngHead {
  if (before !== undefined) throw refusal("it has two IHDR chunks");
  if (content.length !== HEAD_BYTES) {
    throw refusal(`its IHDR has ${content.length} bytes, needs ${HEAD_BYTES}`);
  }
  const view = new DataView(content.buffer, content.byteOffset, HEAD_BYTES);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, color, compression, filter, interlace] = content.subarray(8);
  checkPixels("the PNG", width, height);
  if (!isColor(color) || !(PNG_COLORS[color].depths as readonly number[]).includes(depth)) {
    throw refusal(`its colour type is ${color} with ${depth} bits, which PNG has not`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw refusal(
      `its methods of compression, filtering and interlacing are ${compression}, ${filter} and ${interlace}, ` +
        "needs 0, 0 and 0 or 1",
    );
  }
  const bytes = height * Math.ceil(width * depth * PNG_COLORS[color].channels / 8);
  if (bytes > IMAGE_BYTES_MAX) {
    throw refusal(`its samples take ${bytes} bytes, at most ${IMAGE_BYTES_MAX} are decoded`);
  }
  return { width, height, depth, color, interlaced: interlace === 1 };
}

function isColor(color: number): color is PngColor {
  return color in PNG_COLORS;
}

function refusal(why: string): Error {
  return cannotDecode("the PNG", why);
}
