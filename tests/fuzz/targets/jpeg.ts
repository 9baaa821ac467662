import { OperationError } from "../../../lib/errors.ts";
import { readJpegHead } from "../../../lib/images/jpeg_head.ts";
import { drawMeadow } from "../../../tasks/models/face_picture.ts";
import { encodeJpeg } from "../../../tasks/models/image_writer.ts";
import { checkImage } from "../image_check.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** What more is gone over is only slow. */
const PIXELS_MAX = 65_536;

/** A JPEG: its pixels, or an error that says why there are none. */
export const jpeg: FuzzTarget = {
  name: "jpeg",
  share: 1,
  generate: (random) => mutant(random, SEEDS),
  async run(input) {
    const head = valueOrError(() => readJpegHead(input), isRefusal);
    if ("value" in head) {
      const { width, height, scans } = head.value;
      if (width * height * scans > PIXELS_MAX) return;
    }
    await checkImage(input);
  },
};

function isRefusal(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code === "invalid-argument";
}

const DRAWN = drawMeadow({ width: 40, height: 30 }, [
  { startX: 10, startY: 5, endX: 25, endY: 25 },
]);

const SEEDS = [
  await encodeJpeg(DRAWN, { quality: 30, progressive: false }),
  await encodeJpeg(DRAWN, { quality: 90, progressive: true }),
];
