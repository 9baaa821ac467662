import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import type { Image } from "../../lib/images/image.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import {
  callGrpc,
  callRest,
  type ExampleCall,
  waitUntilReady,
} from "../../tasks/models/example_calls.ts";
import {
  drawMeadow,
  type DrawnFace,
  GROUP_FACES,
  GROUP_SIZE,
} from "../../tasks/models/face_picture.ts";
import { encodeJpeg, encodePng } from "../../tasks/models/image_writer.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { headChunk, pngFile } from "../images/png_builder.ts";
import { ALL_PROGRAMS } from "./programs.ts";

const MODELS = new URL("../../examples/models", import.meta.url).pathname;
const IMAGES = `${MODELS}/faces/images`;

/** Of what a box and a drawn face cover together, the part that they share: boxes are about a tenth too wide. */
const OVERLAP_MIN = 0.75;

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test(
    { name: `${name}: faces are found where they were drawn`, ignore: missing },
    async (t) => {
      const flags = ["--host", "127.0.0.1", "--http-port", "0", "--models", MODELS];
      await using running = await startServerProcess(server, flags);
      const httpPort = running.httpPort ?? assert.fail("no REST");
      await waitUntilReady(httpPort);
      const channel = openChannel({ hostname: "127.0.0.1", port: running.port });
      const client = new InferenceClient(channel);
      const find = async (...images: readonly Uint8Array[]): Promise<DrawnFace[][]> => {
        const call = callOf(images.map((image) => image.toBase64()));
        const { outputs } = await callRest(httpPort, call);
        assert.deepEqual((await callGrpc(client, call)).outputs, outputs);
        return outputs.metadata.map(boxesOf);
      };
      await t.step("in the example images, of which one has none", async () => {
        const files = ["group.png", "group.jpg", "nobody.png"];
        const images = files.map((file) => Deno.readFileSync(`${IMAGES}/${file}`));
        const [png, jpeg, nobody] = await find(...images);
        checkFound(png, GROUP_FACES);
        checkFound(jpeg, GROUP_FACES);
        assert.deepEqual(nobody, []);
      });
      for (const [width, height] of [[320, 240], [832, 624], [1280, 720], [900, 500]]) {
        await t.step(`in an image of ${width}×${height}, as PNG and as JPEG`, async () => {
          const { image, faces } = drawnAt(width, height);
          const jpeg = await encodeJpeg(image, { quality: 80, progressive: true });
          const [inPng, inJpeg] = await find(encodePng(image), jpeg);
          checkFound(inPng, faces);
          checkFound(inJpeg, faces);
        });
      }
      await t.step("none where there is nothing", async () => {
        const black = { width: 1, height: 1, data: Uint8Array.of(0, 0, 0, 255) };
        assert.deepEqual(await find(encodePng(black)), [[]]);
      });
      for (const [wrong, content, message] of await wrongImages()) {
        await t.step(`clear words for ${wrong}`, async () => {
          const call = callOf([content]);
          await assert.rejects(callRest(httpPort, call), {
            message: new RegExp(`400 .*${message}`),
          });
          await assert.rejects(
            callGrpc(client, call),
            (error) =>
              error instanceof GrpcError && error.code === Code.INVALID_ARGUMENT &&
              new RegExp(message).test(error.message),
          );
        });
      }
      channel.close();
      running.child.kill("SIGTERM");
      assert.equal((await running.child.status).code, 0);
    },
  );
}

function callOf(contents: readonly string[]): ExampleCall {
  const data = contents.map((content) => new TextEncoder().encode(content));
  return {
    model: "faces",
    input: { name: "content", datatype: "BYTES", shape: [data.length], data },
  };
}

/** The faces of the example image in one of another size, in which they are as much larger. */
function drawnAt(width: number, height: number): { image: Image; faces: DrawnFace[] } {
  const [across, down] = [width / GROUP_SIZE.width, height / GROUP_SIZE.height];
  const faces = GROUP_FACES.map(({ startX, startY, endX, endY }) => ({
    startX: startX * across,
    startY: startY * down,
    endX: endX * across,
    endY: endY * down,
  }));
  return { image: drawMeadow({ width, height }, faces), faces };
}

function boxesOf(metadata: unknown): DrawnFace[] {
  return (JSON.parse(String(metadata)) as { key: string; value: string }[]).map((entry) => {
    assert.equal(entry.key, "bbox");
    assert.match(entry.value, /^\d+,\d+,\d+,\d+$/);
    const [startY, startX, endY, endX] = entry.value.split(",").map(Number);
    return { startX, startY, endX, endY };
  });
}

/** Each face once, and nothing else. */
function checkFound(found: readonly DrawnFace[], drawn: readonly DrawnFace[]): void {
  assert.equal(found.length, drawn.length, JSON.stringify(found));
  for (const face of drawn) {
    const best = Math.max(...found.map((box) => overlap(box, face)));
    assert.ok(best >= OVERLAP_MIN, `${JSON.stringify(face)} is met by ${best}`);
  }
}

function overlap(one: DrawnFace, other: DrawnFace): number {
  const width = Math.min(one.endX, other.endX) - Math.max(one.startX, other.startX);
  const height = Math.min(one.endY, other.endY) - Math.max(one.startY, other.startY);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (area(one) + area(other) - width * height);
}

function area({ startX, startY, endX, endY }: DrawnFace): number {
  return (endX - startX) * (endY - startY);
}

/** What it is called, the content, and what is said of it. */
async function wrongImages(): Promise<[string, string, string][]> {
  const { image } = drawnAt(64, 48);
  const png = encodePng(image);
  const jpeg = await encodeJpeg(image, { quality: 80, progressive: false });
  const head = { depth: 8, color: 2 };
  const inflating = (width: number, height: number) =>
    pngFile([
      ["IHDR", headChunk({ ...head, width, height })],
      ["IDAT", deflateSync(new Uint8Array(100_000_000))],
      ["IEND", new Uint8Array(0)],
    ]).toBase64();
  return [
    ["nothing", "", "there are no bytes, needs a PNG or a JPEG"],
    ["no base64", "a picture!", "10 characters that are no base64"],
    ["no image", btoa("just some text"), "14 bytes that begin with 6a75737420736f6d"],
    ["half of a PNG", png.subarray(0, png.length / 2).toBase64(), "Cannot decode the PNG: "],
    ["half of a JPEG", jpeg.subarray(0, jpeg.length / 2).toBase64(), "without its end marker"],
    ["a PNG bomb", inflating(10, 10), "inflate to more than the 310 bytes of 10×10"],
    ["a huge PNG", inflating(60_000, 60_000), "3600000000 pixels, at most 16777216"],
  ];
}
