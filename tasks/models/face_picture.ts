import type { Image } from "../../lib/images/image.ts";

type Color = readonly [red: number, green: number, blue: number];

/** Where its ellipse is, in pixels: a face's edges. */
export interface DrawnFace {
  readonly startX: number;
  readonly startY: number;
  readonly endX: number;
  readonly endY: number;
}

interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly halfX: number;
  readonly halfY: number;
  readonly color: Color;
}

const SKY: Color = [120, 170, 210];
const GRASS: Color = [60, 140, 80];
const POND: Color = [40, 70, 160];
const DARK: Color = [50, 40, 60];
const BALL: Color = [235, 150, 90];
const SKINS: readonly Color[] = [[232, 184, 138], [198, 134, 88], [141, 85, 36], [240, 200, 150]];

const OPAQUE = 255;

/** Points of each pixel along an axis whose mean it is, so that edges are smooth. */
const POINTS = 4;

/** Where the grass begins, as a part of the height. */
const HORIZON = 0.7;

/** The faces of `group.png`, in it. */
export const GROUP_FACES: readonly DrawnFace[] = [
  { startX: 60, startY: 80, endX: 180, endY: 230 },
  { startX: 300, startY: 40, endX: 372, endY: 134 },
  { startX: 430, startY: 200, endX: 590, endY: 410 },
  { startX: 240, startY: 260, endX: 282, endY: 312 },
];

/** The size of `group.png`. */
export const GROUP_SIZE = { width: 640, height: 480 };

/**
 * Faces on a meadow with a pond and an orange ball, which is none: drawn, so that where they are is known.
 *
 * @param size in pixels
 * @param faces none for a meadow alone
 */
export function drawMeadow(
  { width, height }: { readonly width: number; readonly height: number },
  faces: readonly DrawnFace[],
): Image {
  const ellipses: Ellipse[] = [
    ellipse(0.25 * width, 0.92 * height, 0.15 * width, 0.05 * height, POND),
    ellipse(0.56 * width, 0.85 * height, 0.04 * width, 0.04 * width, BALL),
    ...faces.flatMap((face, index) => faceEllipses(face, SKINS[index % SKINS.length])),
  ];
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    const ground = y < HORIZON * height ? SKY : GRASS;
    const inRow = ellipses.filter((one) => Math.abs(y + 0.5 - one.y) <= one.halfY + 1);
    for (let x = 0; x < width; x++) {
      const near = inRow.filter((one) => Math.abs(x + 0.5 - one.x) <= one.halfX + 1);
      const color = near.length === 0 ? ground : pixelAt(x, y, ground, near);
      data.set(color, 4 * (y * width + x));
      data[4 * (y * width + x) + 3] = OPAQUE;
    }
  }
  return { width, height, data };
}

function faceEllipses({ startX, startY, endX, endY }: DrawnFace, skin: Color): Ellipse[] {
  const [x, y] = [(startX + endX) / 2, (startY + endY) / 2];
  const [halfX, halfY] = [(endX - startX) / 2, (endY - startY) / 2];
  const part = (across: number, down: number, partX: number, partY: number) =>
    ellipse(x + across * halfX, y + down * halfY, partX * halfX, partY * halfY, DARK);
  return [
    ellipse(x, y, halfX, halfY, skin),
    part(-0.38, -0.2, 0.22, 0.18),
    part(0.38, -0.2, 0.22, 0.18),
    part(0, 0.45, 0.4, 0.13),
  ];
}

function ellipse(x: number, y: number, halfX: number, halfY: number, color: Color): Ellipse {
  return { x, y, halfX, halfY, color };
}

/** The ellipses lie over the ground, each over those before it. */
function pixelAt(x: number, y: number, ground: Color, ellipses: readonly Ellipse[]): Color {
  const sums = [0, 0, 0];
  for (let point = 0; point < POINTS * POINTS; point++) {
    const atX = x + (point % POINTS + 0.5) / POINTS;
    const atY = y + (Math.floor(point / POINTS) + 0.5) / POINTS;
    const color = ellipses.findLast((one) => covers(one, atX, atY))?.color ?? ground;
    color.forEach((value, channel) => sums[channel] += value);
  }
  const [red, green, blue] = sums.map((sum) => Math.round(sum / (POINTS * POINTS)));
  return [red, green, blue];
}

function covers({ x, y, halfX, halfY }: Ellipse, atX: number, atY: number): boolean {
  return ((atX - x) / halfX) ** 2 + ((atY - y) / halfY) ** 2 <= 1;
}
