import { onnxPlatform } from "../../lib/platforms/onnx.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { matrixGraph } from "../../tasks/models/onnx_graphs.ts";
import { encodeOnnx } from "../../tasks/models/onnx_writer.ts";
import { modelFolder } from "../support/model_folder.ts";

for (const runtime of ["node", "web"]) {
  for (const [rows, size] of [[1, 4], [1, 1_024], [32, 1_024]]) {
    await using folder = await modelFolder(
      { "model.onnx": encodeOnnx(matrixGraph(size)) },
      { options: { runtime } },
    );
    const platform = onnxPlatform({ libraryFolder: undefined, log: () => {} });
    const model = await platform.load(folder.source, new AbortController().signal);
    const data = new Float32Array(new SharedArrayBuffer(rows * size * 4)).fill(0.5);
    const inputs: Tensor[] = [{ name: "x", datatype: "FP32", shape: [rows, size], data }];
    Deno.bench(`onnx on ${runtime}: (${rows}, ${size}) · (${size}, ${size})`, async () => {
      await model.predict(inputs);
    });
  }
}
