import { DotProductModel } from "../../lib/platforms/dot_product_model.ts";
import { mlpOperations } from "../../lib/platforms/mlp_definition.ts";
import { MlpModel } from "../../lib/platforms/mlp_model.ts";
import { network } from "./network.ts";

for (const widths of [[2, 20, 20, 1], [1024, 1024]]) {
  const definition = network(widths, (index) => Math.sin(index), () => "relu");
  const model = new MlpModel(definition);
  for (const rows of [1, 32]) {
    const data = Float32Array.from({ length: rows * widths[0] }, (_, i) => Math.cos(i));
    const inputs = [{ name: "x", datatype: "FP32", shape: [rows, widths[0]], data } as const];
    const what = `${widths.join("-")}, ${mlpOperations(definition)} multiply-adds a row`;
    Deno.bench(`MlpModel.predict of ${rows} × ${what}`, () => {
      if (Number.isNaN(model.predict(inputs)[0].data[0])) throw new Error("NaN");
    });
  }
}

const LENGTH = 10;
const linear = new DotProductModel({
  input: { name: "x", datatype: "FP32", shape: [-1, LENGTH] },
  output: { name: "y", datatype: "FP64", shape: [-1] },
  coefs: Float64Array.from({ length: LENGTH }, (_, i) => Math.sin(i)),
});
const x = Float32Array.from({ length: LENGTH }, (_, i) => Math.cos(i));

Deno.bench(`DotProductModel.predict of 1 × ${LENGTH}`, () => {
  const inputs = [{ name: "x", datatype: "FP32", shape: [1, LENGTH], data: x } as const];
  if (Number.isNaN(linear.predict(inputs)[0].data[0])) throw new Error("NaN");
});
