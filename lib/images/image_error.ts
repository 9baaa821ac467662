import { OperationError } from "../errors.ts";
import { IMAGE_PIXELS_MAX } from "../limits.ts";

/** Why bytes are no image that we decode, for whoever sent them. */
export function cannotDecode(kind: string, why: string, cause?: unknown): OperationError {
  return new OperationError("invalid-argument", `Cannot decode ${kind}: ${why}`, { cause });
}

/**
 * Before memory is made for an image.
 *
 * @throws {OperationError} `invalid-argument` when it has no pixels or more than IMAGE_PIXELS_MAX
 */
export function checkPixels(kind: string, width: number, height: number): void {
  if (width === 0 || height === 0) {
    throw cannotDecode(kind, `it is ${width}×${height} pixels, needs at least 1×1`);
  }
  if (width * height <= IMAGE_PIXELS_MAX) return;
  throw cannotDecode(
    kind,
    `it is ${width}×${height}, ${width * height} pixels, at most ${IMAGE_PIXELS_MAX} are decoded`,
  );
}

/** What a library threw, in words. */
export function wordsOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}
