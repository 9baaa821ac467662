import type { TensorSpec } from "../../lib/tensor/tensor.ts";
import type { Model } from "../../lib/inference/model.ts";
import { RecordedStatistics } from "../../lib/platforms/recorded_statistics.ts";
import { scriptPlatform } from "../../lib/platforms/script.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { modelFolder } from "../support/model_folder.ts";

const ECHO = "export const predict = (batch) => batch.map(({ x }) => ({ y: x }));";

const cases: [string, Tensor["datatype"], readonly number[], (rows: number) => Tensor["data"]][] = [
  ["a number", "FP32", [-1], (rows) => new Float32Array(rows)],
  ["a vector of 100 floats", "FP32", [-1, 100], (rows) => new Float32Array(rows * 100)],
  [
    "a text of 16 bytes",
    "BYTES",
    [-1],
    (rows) => Array.from({ length: rows }, () => new Uint8Array(16).fill(65)),
  ],
];

for (const [what, datatype, shape, dataOf] of cases) {
  const model = await loadEcho(datatype, shape);
  for (const rows of [1, 32, 1_024]) {
    const data = dataOf(rows);
    const inputs = [{ name: "x", datatype, shape: [rows, ...shape.slice(1)], data }] as Tensor[];
    Deno.bench(`script: ${rows} rows of ${what}`, async () => {
      await model.predict(inputs);
    });
  }
}

async function loadEcho(datatype: Tensor["datatype"], shape: readonly number[]): Promise<Model> {
  const spec = (name: string): TensorSpec[] => [{ name, datatype, shape }];
  await using folder = await modelFolder(
    { "model.js": ECHO },
    { inputs: spec("x"), outputs: spec("y") },
  );
  const platform = scriptPlatform({
    log: () => {},
    statistics: new RecordedStatistics(),
    libraryFolder: undefined,
  });
  return await platform.load(folder.source, new AbortController().signal);
}
