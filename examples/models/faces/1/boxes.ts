/** Where something is, in whatever unit. */
export interface Box {
  readonly startX: number;
  readonly startY: number;
  readonly endX: number;
  readonly endY: number;
}

/** What is less likely a face is none. */
const SCORE_MIN = 0.7;

/** Of two boxes that share more than this part of what they cover together, the likelier stays. */
const OVERLAP_MAX = 0.3;

/** The likeliest that are looked at: each is compared with all that stay. */
const CANDIDATES_MAX = 200;

/**
 * The boxes of faces, the likeliest first, one for each face: non-maximum suppression.
 *
 * Shapes: scores (1, n, 2) that there is none and that there is one; boxes (1, n, 4) left, top, right, bottom
 * as parts of width and height; both float32.
 */
export function bestBoxes(scores: Float32Array, boxes: Float32Array): readonly Box[] {
  const candidates = Array.from({ length: scores.length / 2 }, (_, index) => index)
    .filter((index) => scores[2 * index + 1] > SCORE_MIN)
    .sort((one, other) => scores[2 * other + 1] - scores[2 * one + 1])
    .slice(0, CANDIDATES_MAX);
  const best: Box[] = [];
  for (const index of candidates) {
    const [startX, startY, endX, endY] = boxes.subarray(4 * index, 4 * index + 4);
    const box = { startX, startY, endX, endY };
    if (best.every((other) => overlap(box, other) <= OVERLAP_MAX)) best.push(box);
  }
  return best;
}

/** What two boxes share, as a part of what they cover together. */
function overlap(one: Box, other: Box): number {
  const shared = area({
    startX: Math.max(one.startX, other.startX),
    startY: Math.max(one.startY, other.startY),
    endX: Math.min(one.endX, other.endX),
    endY: Math.min(one.endY, other.endY),
  });
  const together = area(one) + area(other) - shared;
  return together > 0 ? shared / together : 0;
}

function area({ startX, startY, endX, endY }: Box): number {
  return Math.max(endX - startX, 0) * Math.max(endY - startY, 0);
}
