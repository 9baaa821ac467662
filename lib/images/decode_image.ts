import { OperationError } from "../errors.ts";
import type { Image } from "./image.ts";

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** SOI, and the first byte of whatever marker follows. */
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff];

/** Of bytes that are neither, in the message. */
const FOUND_BYTES = 8;

/**
 * The pixels of a PNG or JPEG, told apart by their first bytes.
 *
 * What the bytes make us do is bounded before it is done: no more than IMAGE_PIXELS_MAX pixels and
 * IMAGE_BYTES_MAX bytes of samples, and of a JPEG no more than JPEG_SCANNED_PIXELS_MAX over all of its scans. What a camera says of how it was held, and
 * colour profiles, count for nothing.
 *
 * Each decoder is loaded when the first image of its kind comes, once a thread.
 *
 * @param bytes of the whole file; not kept
 * @throws {OperationError} `invalid-argument` saying what was found and what is needed, for bytes that are no
 *   such file, a damaged one, one that is too large or of a kind that is not decoded
 */
export async function decodeImage(bytes: Uint8Array): Promise<Image> {
  if (startsWith(bytes, PNG_SIGNATURE)) {
    const { decodePng } = await import("./png.ts");
    return decodePng(bytes);
  }
  if (startsWith(bytes, JPEG_SIGNATURE)) {
    const { decodeJpeg } = await import("./jpeg.ts");
    return await decodeJpeg(bytes);
  }
  const found = bytes.length === 0
    ? "there are no bytes"
    : `${bytes.length} bytes that begin with ${bytes.subarray(0, FOUND_BYTES).toHex()}`;
  throw new OperationError(
    "invalid-argument",
    `Cannot decode an image: ${found}, needs a PNG or a JPEG`,
  );
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}
