import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { decodeImage } from "../../lib/images/decode_image.ts";
import { IMAGE_PIXELS_MAX } from "../../lib/limits.ts";
import { describe } from "./target.ts";

/**
 * Decodes an image.
 *
 * @throws {Error} when what came is neither an image within the limits nor a documented error
 */
export async function checkImage(input: Uint8Array): Promise<void> {
  let decoded;
  try {
    decoded = await decodeImage(input);
  } catch (cause) {
    if (cause instanceof OperationError && cause.code === "invalid-argument") return;
    throw new Error(`an error that is not documented: ${describe(cause)}`, { cause });
  }
  const { width, height, data } = decoded;
  assert.ok(width > 0 && height > 0 && width * height <= IMAGE_PIXELS_MAX, `${width}×${height}`);
  assert.equal(data.length, width * height * 4);
}
