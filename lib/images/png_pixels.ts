import type { Image } from "./image.ts";
import { PNG_COLORS, type PngChunks, type PngHead } from "./png_chunks.ts";

const OPAQUE = 255;

/**
 * A PNG's samples as red, green, blue and opacity, of 8 bits each; of 16 bits the upper ones.
 *
 * @param samples unfiltered rows: bytes, or samples of 16 bits
 * @throws {RangeError} for an index that the palette has not
 */
export function pngPixels(
  { head, palette, transparency }: PngChunks,
  samples: ArrayLike<number>,
): Image {
  const { width, height, depth, color } = head;
  const { channels } = PNG_COLORS[color];
  const raw = depth < 8 ? unpacked(head, samples) : samples;
  const data = new Uint8Array(width * height * 4);
  if (color === 3) paint(data, raw, palette, transparency);
  else {
    const isGray = channels < 3;
    const hasOpacity = channels % 2 === 0;
    const scale = 255 / (2 ** depth - 1);
    const key = hasOpacity ? [] : keyOf(transparency, channels);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const at = pixel * channels;
      const to = 4 * pixel;
      const [green, blue] = isGray ? [at, at] : [at + 1, at + 2];
      data[to] = byteOf(raw[at], depth, scale);
      data[to + 1] = byteOf(raw[green], depth, scale);
      data[to + 2] = byteOf(raw[blue], depth, scale);
      data[to + 3] = hasOpacity
        ? byteOf(raw[at + channels - 1], depth, scale)
        : key.length > 0 && key.every((sample, channel) => sample === raw[at + channel])
        ? 0
        : OPAQUE;
    }
  }
  return { width, height, data };
}

function byteOf(sample: number, depth: number, scale: number): number {
  return depth === 16 ? sample >>> 8 : sample * scale;
}

/** The one colour that is not to be seen, a sample of 16 bits for each channel; empty where there is none. */
function keyOf(transparency: Uint8Array, channels: number): number[] {
  if (transparency.length !== 2 * channels) return [];
  return Array.from(
    { length: channels },
    (_, channel) => transparency[2 * channel] << 8 | transparency[2 * channel + 1],
  );
}

function paint(
  data: Uint8Array,
  indexes: ArrayLike<number>,
  palette: Uint8Array,
  opacities: Uint8Array,
): void {
  const colors = palette.length / 3;
  for (let pixel = 0; pixel < data.length / 4; pixel++) {
    const index = indexes[pixel];
    if (index >= colors) {
      throw new RangeError(`a pixel has colour ${index}, the palette has ${colors}`);
    }
    data[4 * pixel] = palette[3 * index];
    data[4 * pixel + 1] = palette[3 * index + 1];
    data[4 * pixel + 2] = palette[3 * index + 2];
    data[4 * pixel + 3] = opacities[index] ?? OPAQUE;
  }
}

/** A byte for each sample, of which several stand in a byte; each row begins with a byte of its own. */
function unpacked({ width, height, depth }: PngHead, packed: ArrayLike<number>): Uint8Array {
  const rowBytes = Math.ceil(width * depth / 8);
  const perByte = 8 / depth;
  const mask = 2 ** depth - 1;
  const samples = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = packed[y * rowBytes + Math.floor(x / perByte)];
      samples[y * width + x] = (byte >> (8 - depth * (1 + x % perByte))) & mask;
    }
  }
  return samples;
}
