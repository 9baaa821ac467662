import { openChannel } from "../../lib/grpc/channel.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import { inferenceMethods } from "../../lib/services/inference_contract.ts";
import { percentile } from "../../lib/workload/statistics.ts";
import { median, ratioCell } from "../comparison.ts";
import { matrixGraph } from "../models/onnx_graphs.ts";
import { writeRow, writeTable } from "../scale/table.ts";
import { modelFile, type ModelServer, type ServedModel, withModels } from "./served_models.ts";

const ROUNDS = 3;
const ROUND_MS = 10_000;
const SWAP_EVERY_MS = 1_000;
/** A small share of what the server can: a request takes a processor some 3 ms. */
const RATE_PER_SECOND = 40;
const SIZE = 3_162;

/** Runs before a version serves: its first has the memory to get. */
const WARM_UP = {
  inputs: [{ name: "x", datatype: "FP32", shape: [1, SIZE], data: Array<number>(SIZE).fill(0.5) }],
  count: 3,
};

const MODELS: Readonly<Record<string, ServedModel>> = {
  matrix: { graph: matrixGraph(SIZE), config: { warmup: [WARM_UP] } },
};

interface Swapped {
  readonly latenciesMs: readonly number[];
  readonly swaps: number;
}

/** A model of 40 MB that is replaced every second under a steady load: latencies with swaps and without. */
export async function measureSwap(): Promise<void> {
  await withModels(MODELS, async (served) => {
    const without: Swapped[] = [];
    const within: Swapped[] = [];
    await run(served, { swaps: true, durationMs: 3 * SWAP_EVERY_MS });
    for (let round = 0; round < ROUNDS; round++) {
      without.push(await run(served, { swaps: false, durationMs: ROUND_MS }));
      within.push(await run(served, { swaps: true, durationMs: ROUND_MS }));
    }
    const swaps = within.reduce((sum, each) => sum + each.swaps, 0);
    const seconds = ROUNDS * ROUND_MS / 1_000;
    const head = `40 MB, ${RATE_PER_SECOND} calls/s, ${swaps} swaps in ${seconds} s`;
    writeTable([head, "without ms", "with swaps ms", "ratio (min–max)"], []);
    for (const percent of [50, 90, 99, 100]) {
      const of = ({ latenciesMs }: Swapped) =>
        percentile(Float64Array.from(latenciesMs).sort(), percent);
      writeRow([
        percent === 100 ? "max" : `p${percent}`,
        median(without.map(of)).toFixed(2),
        median(within.map(of)).toFixed(2),
        ratioCell(within.map((each, round) => of(each) / of(without[round])), 2),
      ]);
    }
  });
}

/** Calls by the clock, each timed from when it was sent: timers are late with swaps or without. */
async function run(
  { server: { port }, folder }: ModelServer,
  { swaps, durationMs }: { readonly swaps: boolean; readonly durationMs: number },
): Promise<Swapped> {
  const channel = openChannel({ hostname: "127.0.0.1", port });
  // Swaps have a connection of their own, as an operator has.
  const operator = openChannel({ hostname: "127.0.0.1", port });
  const client = new InferenceClient(channel);
  const latenciesMs: number[] = [];
  const calls: Promise<void>[] = [];
  const data = new Float32Array(SIZE).fill(0.5);
  const x = { name: "x", datatype: "FP32", shape: [1, SIZE], data } as const;
  const call = async () => {
    const startMs = performance.now();
    await client.infer({ model: "matrix", inputs: [x] });
    latenciesMs.push(performance.now() - startMs);
  };
  const startMs = performance.now();
  const swapping = swaps ? swapUntil(operator, folder, startMs + durationMs) : Promise.resolve(0);
  for (let due = 0; due < durationMs; due += 1_000 / RATE_PER_SECOND) {
    await delay(startMs + due - performance.now());
    calls.push(call());
  }
  const count = await swapping;
  await Promise.all(calls);
  channel.close();
  operator.close();
  return { latenciesMs, swaps: count };
}

/** Loads the model anew each second, from a file that another time of change makes another version. */
async function swapUntil(
  operator: ReturnType<typeof openChannel>,
  folder: string,
  endMs: number,
): Promise<number> {
  const { repositoryModelLoad } = inferenceMethods();
  const request = { repository_name: "", model_name: "matrix", parameters: {} };
  let swaps = 0;
  for (let dueMs = performance.now(); dueMs < endMs; dueMs += SWAP_EVERY_MS) {
    await delay(dueMs - performance.now());
    const now = new Date();
    await Deno.utime(modelFile(folder, "matrix"), now, now);
    await operator.unary(repositoryModelLoad, request);
    swaps++;
  }
  return swaps;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
