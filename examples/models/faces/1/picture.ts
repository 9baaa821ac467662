import type { DecodedImage } from "../../../../lib/platforms/script_api.ts";

/** Of the picture that the detector takes, in pixels. */
export const WIDTH = 320;
export const HEIGHT = 240;

const CHANNELS = 3;
const MEAN = 127;
const DEVIATION = 128;

/**
 * An image as the detector takes it: stretched to its size with bilinear interpolation, pixels' centres on
 * pixels' centres, and normalised. Opacity counts for nothing.
 *
 * @returns shapes: (1, 3, HEIGHT, WIDTH) float32, red before green before blue
 */
export function detectorInput({ width, height, data }: DecodedImage): Float32Array {
  const input = new Float32Array(CHANNELS * HEIGHT * WIDTH);
  const columns = neighbours(WIDTH, width);
  const rows = neighbours(HEIGHT, height);
  let to = 0;
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (const { first: top, second: bottom, weight: down } of rows) {
      for (const { first: left, second: right, weight: across } of columns) {
        const at = (x: number, y: number) => data[4 * (y * width + x) + channel];
        const upper = at(left, top) * (1 - across) + at(right, top) * across;
        const lower = at(left, bottom) * (1 - across) + at(right, bottom) * across;
        input[to++] = (upper * (1 - down) + lower * down - MEAN) / DEVIATION;
      }
    }
  }
  return input;
}

/** For each pixel of `to` along an axis the two of `from` that it lies between, and how near the second is. */
function neighbours(to: number, from: number) {
  return Array.from({ length: to }, (_, index) => {
    const place = Math.min(Math.max((index + 0.5) * from / to - 0.5, 0), from - 1);
    const first = Math.floor(place);
    return { first, second: Math.min(first + 1, from - 1), weight: place - first };
  });
}
