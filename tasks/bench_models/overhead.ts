import { onnxPlatform } from "../../lib/platforms/onnx.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { runClientBench } from "../client_bench.ts";
import { median, ratioCell } from "../comparison.ts";
import { layerGraph, matrixGraph } from "../models/onnx_graphs.ts";
import { writeRow, writeTable } from "../scale/table.ts";
import { closedRate } from "./closed_rate.ts";
import { modelFile, type ModelServer, type ServedModel, withModels } from "./served_models.ts";

const ROUNDS = 5;
const ROUND_MS = 2_000;
const MICROSECONDS_PER_MS = 1_000;

/** Shapes: x (1, inputs). */
const MODELS: Readonly<Record<string, ServedModel & { readonly inputs: number }>> = {
  tiny: { graph: layerGraph(new Float32Array(16).fill(0.5), new Float32Array(4)), inputs: 4 },
  matrix1024: { graph: matrixGraph(1_024), inputs: 1_024 },
};

/** What a request costs beside its model: one in flight, against onnxruntime in a loop of one thread. */
export async function measureOverhead(): Promise<void> {
  writeTable(["1 in flight", "direct µs", "served µs", "overhead µs", "its p50 µs"], []);
  await withModels(MODELS, async (served) => {
    for (const [name, { inputs }] of Object.entries(MODELS)) await compare(served, name, inputs);
  });
}

async function compare(served: ModelServer, name: string, inputs: number): Promise<void> {
  const flags = ["--method", "infer", "--model", name];
  const { port } = served.server;
  const rounds: { direct: number; mean: number; p50: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const direct = await directMs(served.folder, name, inputs);
    const run = { port, connections: 1, inflight: 1, durationMs: ROUND_MS, flags };
    const { latency } = await runClientBench(run);
    rounds.push({ direct, mean: latency.meanMs, p50: latency.p50Ms });
  }
  const us = (of: (round: typeof rounds[number]) => number) =>
    (median(rounds.map(of)) * MICROSECONDS_PER_MS).toFixed(0);
  writeRow([
    name,
    us(({ direct }) => direct),
    us(({ mean }) => mean),
    ratioCell(rounds.map(({ mean, direct }) => (mean - direct) * MICROSECONDS_PER_MS), 0),
    us(({ p50, direct }) => p50 - direct),
  ]);
}

async function directMs(folder: string, name: string, inputs: number): Promise<number> {
  const file = modelFile(folder, name);
  const model = await onnxPlatform({ libraryFolder: undefined, log: () => {} }).load({
    name,
    version: "1",
    folder: file.slice(0, file.lastIndexOf("/")),
    inputs: undefined,
    outputs: undefined,
    options: {},
  }, new AbortController().signal);
  const data = new Float32Array(inputs).fill(0.5);
  const x: readonly Tensor[] = [{ name: "x", datatype: "FP32", shape: [1, inputs], data }];
  const { meanMs } = await closedRate(() => model.predict(x), {
    inflight: 1,
    durationMs: ROUND_MS / 2,
  });
  await model.unload();
  return meanMs;
}
