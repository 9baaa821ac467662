import { JPEG_SCANNED_PIXELS_MAX } from "../limits.ts";
import { cannotDecode, checkPixels } from "./image_error.ts";

/** What a JPEG says of itself. */
export interface JpegHead {
  readonly width: number;
  readonly height: number;
  /** How often all or some of its pixels are gone over. */
  readonly scans: number;
}

/** Markers, each after a byte FF. Source: ITU-T T.81, table B.1. */
const SOF_FIRST = 0xc0;
const SOF_LAST = 0xcf;
/** Tables of Huffman codes, a reserved one, and arithmetic conditions stand among the frames' markers. */
const NO_FRAMES = [0xc4, 0xc8, 0xcc];
const TEM = 0x01;
const RST_FIRST = 0xd0;
const RST_LAST = 0xd7;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/** Two of length, precision, height, width, and how many components. */
const FRAME_BYTES = 8;

/**
 * A JPEG's size and scans, its markers gone over to the end without decoding anything.
 *
 * Each scan goes over all pixels whatever its length: a file of kilobytes can ask for thousands of them.
 *
 * @param bytes that begin with SOI
 * @throws {OperationError} `invalid-argument` when it is cut short, has no frame, several, one of a kind that
 *   is not decoded, or is larger than the limits
 */
export function readJpegHead(bytes: Uint8Array): JpegHead {
  let frame: { readonly width: number; readonly height: number } | undefined;
  let scans = 0;
  let at = 2;
  for (;;) {
    at = nextMarker(bytes, at);
    const marker = bytes[at++];
    if (marker === EOI) break;
    if (isAlone(marker)) continue;
    const length = at + 2 <= bytes.length ? bytes[at] << 8 | bytes[at + 1] : 2;
    if (length < 2 || at + length > bytes.length) throw cutShort(bytes);
    if (isFrame(marker)) {
      if (frame !== undefined) throw cannotDecode("the JPEG", "it has two frames, needs one");
      frame = readFrame(bytes.subarray(at, at + length));
    }
    if (marker === SOS) scans++;
    at += length;
  }
  if (frame === undefined || scans === 0) {
    throw cannotDecode("the JPEG", `it has no ${frame === undefined ? "frame" : "scan"}`);
  }
  const { width, height } = frame;
  if (width * height * scans > JPEG_SCANNED_PIXELS_MAX) {
    throw cannotDecode(
      "the JPEG",
      `it has ${scans} scans of ${width}×${height}, at most ${JPEG_SCANNED_PIXELS_MAX} pixels are gone over`,
    );
  }
  return { width, height, scans };
}

/** Past what belongs to no segment: a scan's data, in which FF stands before a 0 or a restart, and garbage. */
function nextMarker(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at === -1) throw cutShort(bytes);
    while (bytes[at] === 0xff) at++;
    if (at >= bytes.length) throw cutShort(bytes);
    if (bytes[at] !== 0) return at;
  }
}

/** Whether nothing belongs to it. */
function isAlone(marker: number): boolean {
  return marker === TEM || marker === SOI || (marker >= RST_FIRST && marker <= RST_LAST);
}

function isFrame(marker: number): boolean {
  return marker >= SOF_FIRST && marker <= SOF_LAST && !NO_FRAMES.includes(marker);
}

function readFrame(segment: Uint8Array) {
  if (segment.length < FRAME_BYTES) {
    throw cannotDecode("the JPEG", `its frame has ${segment.length} bytes, needs ${FRAME_BYTES}`);
  }
  const precision = segment[2];
  const height = segment[3] << 8 | segment[4];
  const width = segment[5] << 8 | segment[6];
  const components = segment[7];
  if (precision !== 8 || (components !== 1 && components !== 3)) {
    throw cannotDecode(
      "the JPEG",
      `it has ${components} components of ${precision} bits, needs 1 (gray) or 3 (colour) of 8`,
    );
  }
  checkPixels("the JPEG", width, height);
  return { width, height };
}

function cutShort({ length }: Uint8Array): Error {
  return cannotDecode("the JPEG", `it ends after ${length} bytes, without its end marker`);
}
