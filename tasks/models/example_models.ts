import { faceDetectorGraph } from "./face_detector.ts";
import { drawMeadow, GROUP_FACES, GROUP_SIZE } from "./face_picture.ts";
import { encodeJpeg, encodePng } from "./image_writer.ts";
import { encodeOnnx } from "./onnx_writer.ts";
import { safetensorsFile } from "./safetensors_writer.ts";
import { HIDDEN, trainXor } from "./xor_network.ts";

/** Thousands: to start with, for each square metre, for each room, for each year of age. */
const PRICE_COEFS = [40, 3.5, 12.5, -0.75];

/**
 * The mean of each kind of iris: length and width of sepals, then of petals, in cm.
 *
 * Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", 1936, table II.
 */
const IRISES = [
  [5.006, 3.428, 1.462, 0.246],
  [5.936, 2.770, 4.260, 1.326],
  [6.588, 2.974, 5.552, 2.026],
] as const;

/**
 * The files of `examples/models` that no editor writes, by their paths there. The same bytes each time.
 */
export async function exampleFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  const group = drawMeadow(GROUP_SIZE, GROUP_FACES);
  return new Map([
    ["price/1/coefs.json", new TextEncoder().encode(`[${PRICE_COEFS.join(", ")}]\n`)],
    ["xor/1/model.safetensors", xorFile()],
    ["classifier/1/model.onnx", classifierFile()],
    ["faces/1/detector.onnx", encodeOnnx(faceDetectorGraph())],
    ["faces/images/group.png", encodePng(group)],
    ["faces/images/group.jpg", await encodeJpeg(group, { quality: 80, progressive: false })],
    ["faces/images/nobody.png", encodePng(drawMeadow(GROUP_SIZE, []))],
  ]);
}

function xorFile(): Uint8Array {
  const { hidden, hiddenBias, output, outputBias } = trainXor();
  const tensors = [
    { name: "hidden.weight", shape: [HIDDEN, 2], data: hidden },
    { name: "hidden.bias", shape: [HIDDEN], data: hiddenBias },
    { name: "output.weight", shape: [1, HIDDEN], data: output },
    { name: "output.bias", shape: [1], data: outputBias },
  ];
  const data = Float32Array.from(tensors.flatMap(({ data }) => [...data]));
  let end = 0;
  const header = tensors.map(({ name, shape, data }) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
  });
  return safetensorsFile(Object.fromEntries(header), new Uint8Array(data.buffer));
}

/**
 * How near a flower is to each mean: softmax over the kinds k of −|x − m_k|². That |x|² is the same for all of
 * them leaves 2·x·m_k − |m_k|², a layer.
 *
 * Shapes: x (n, 4) → probabilities (n, 3), kind (n,) int64; n any; float32.
 */
function classifierFile(): Uint8Array {
  const features = IRISES[0].map((_, feature) => feature);
  const weights = features.flatMap((feature) => IRISES.map((mean) => 2 * mean[feature]));
  const bias = IRISES.map((mean) => -mean.reduce((sum, value) => sum + value * value, 0));
  const kinds = IRISES.length;
  const inputs = features.length;
  return encodeOnnx({
    inputs: [{ name: "x", datatype: "FP32", shape: ["n", inputs] }],
    outputs: [
      { name: "probabilities", datatype: "FP32", shape: ["n", kinds] },
      { name: "kind", datatype: "INT64", shape: ["n"] },
    ],
    constants: [
      {
        name: "weights",
        datatype: "FP32",
        shape: [inputs, kinds],
        data: Float32Array.from(weights),
      },
      { name: "bias", datatype: "FP32", shape: [kinds], data: Float32Array.from(bias) },
    ],
    nodes: [
      { operator: "MatMul", inputs: ["x", "weights"], outputs: ["product"] },
      { operator: "Add", inputs: ["product", "bias"], outputs: ["nearness"] },
      {
        operator: "Softmax",
        inputs: ["nearness"],
        outputs: ["probabilities"],
        attributes: { axis: 1 },
      },
      {
        operator: "ArgMax",
        inputs: ["nearness"],
        outputs: ["kind"],
        attributes: { axis: 1, keepdims: 0 },
      },
    ],
  });
}
