/**
 * Finds faces: an image comes as base64 of a PNG or JPEG, and of each face goes out where it is.
 *
 * `detector.onnx` may be exchanged for the file version-RFB-320.onnx of the public
 * github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB: the pictures are made here as that detector
 * wants them, and what is here in its place has the same inputs and outputs.
 */

import type { Context, OnnxSession, Results } from "../../../../lib/platforms/script_api.ts";
import { bestBoxes, type Box } from "./boxes.ts";
import { detectorInput, HEIGHT, WIDTH } from "./picture.ts";

interface Row {
  readonly content: string;
}

export async function load({ openOnnx }: Context): Promise<OnnxSession> {
  const detector = await openOnnx("detector.onnx");
  const found = detector.outputs.map(({ name }) => name);
  for (const name of ["scores", "boxes"]) {
    if (!found.includes(name)) throw new Error(`detector.onnx has no output ${name}, but ${found}`);
  }
  return detector;
}

export async function predict(
  batch: readonly Row[],
  context: Context<OnnxSession>,
): Promise<Results> {
  const results = [];
  for (const { content } of batch) {
    const faces = await find(content, context);
    context.recordStatistic({ faces: faces.length });
    results.push({ metadata: JSON.stringify(faces.map(entryOf)) });
  }
  return results;
}

async function find(content: string, context: Context<OnnxSession>): Promise<readonly Box[]> {
  const image = await context.decodeImage(bytesOf(content, context));
  const { scores, boxes } = await context.model.run({
    input: { shape: [1, 3, HEIGHT, WIDTH], data: detectorInput(image) },
  });
  const faces = bestBoxes(scores.data as Float32Array, boxes.data as Float32Array);
  return faces.map(({ startX, startY, endX, endY }) => ({
    startX: pixel(startX, image.width),
    startY: pixel(startY, image.height),
    endX: pixel(endX, image.width),
    endY: pixel(endY, image.height),
  }));
}

function bytesOf(content: string, { inputError }: Context<OnnxSession>): Uint8Array {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    throw inputError(
      `content is ${content.length} characters that are no base64, needs base64 of a PNG or JPEG`,
    );
  }
}

/** The nearest to a place that is told as a part of the size. */
function pixel(part: number, size: number): number {
  return Math.round(Math.min(Math.max(part, 0), 1) * size);
}

function entryOf({ startY, startX, endY, endX }: Box) {
  return { key: "bbox", value: `${startY},${startX},${endY},${endX}` };
}
