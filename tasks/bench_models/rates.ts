import type { BenchReport } from "../../lib/bench/report.ts";
import { runClientBench } from "../client_bench.ts";
import { median, ratioCell } from "../comparison.ts";
import { layerGraph } from "../models/onnx_graphs.ts";
import { processorMs } from "../scale/process_usage.ts";
import { writeRow, writeTable } from "../scale/table.ts";
import { type ModelServer, type ServedModel, withModels } from "./served_models.ts";

const ROUNDS = 5;
const ROUND_MS = 2_000;
const SHAPE = { connections: 8, inflight: 10 } as const;
const INPUTS = 10;
const MICROSECONDS_PER_MS = 1_000;

/** One layer of ten inputs and one output, which runs in an instance; its answers are kept. */
const CACHED: Readonly<Record<string, ServedModel>> = {
  cached: {
    graph: layerGraph(new Float32Array(INPUTS).fill(1), new Float32Array(1)),
    config: { cache: { entries: 1_000, bytes: 1_048_576, policy: "lru" } },
  },
};

/** ModelServer's model over V2 against its own Predict: ten floats, from the same cache. */
export function measureLinear(): Promise<void> {
  return compare("linear over V2", {}, ["--model", "linear", "--inputs", `${INPUTS}`]);
}

/** Hits of a model that runs in an instance against hits of Predict: ten floats. */
export function measureCache(): Promise<void> {
  return compare("onnx from its cache", CACHED, ["--model", "cached"]);
}

async function compare(
  label: string,
  models: Readonly<Record<string, ServedModel>>,
  flags: readonly string[],
): Promise<void> {
  const { connections, inflight } = SHAPE;
  writeTable([
    `${connections} × ${inflight} in flight`,
    "calls/s",
    "Predict, calls/s",
    "ratio (min–max)",
    "server µs",
    "Predict, server µs",
  ], []);
  await withModels(models, async (served) => {
    const rounds: { ours: Side; predict: Side }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ours = await side(served, ["--method", "infer", ...flags]);
      rounds.push({ ours, predict: await side(served, ["--inputs", `${INPUTS}`]) });
    }
    const middle = (of: (round: typeof rounds[number]) => number) => median(rounds.map(of));
    writeRow([
      label,
      Math.round(middle(({ ours }) => ours.perSecond)).toString(),
      Math.round(middle(({ predict }) => predict.perSecond)).toString(),
      ratioCell(rounds.map(({ ours, predict }) => ours.perSecond / predict.perSecond), 2),
      middle(({ ours }) => ours.serverUs).toFixed(2),
      middle(({ predict }) => predict.serverUs).toFixed(2),
    ]);
  });
}

/** One side of a round: answers a second, and processor time that one took the server. */
interface Side {
  readonly perSecond: number;
  readonly serverUs: number;
}

async function side(
  { server: { port, child } }: ModelServer,
  flags: readonly string[],
): Promise<Side> {
  const beforeMs = processorMs(child.pid);
  const report = await runClientBench({ port, ...SHAPE, durationMs: ROUND_MS, flags });
  requireHits(report);
  // The warm-up has its share in both figures; the calls of it are not told.
  const warmUp = report.options.warmupMs / report.elapsedMs;
  const calls = report.calls * (1 + warmUp);
  const serverMs = processorMs(child.pid) - beforeMs;
  return {
    perSecond: report.achievedPerSecond,
    serverUs: serverMs / calls * MICROSECONDS_PER_MS,
  };
}

/** All but the first few answers, which the warm-up has had. */
function requireHits({ hits, calls }: BenchReport): void {
  if (hits?.count === calls) return;
  throw new Error(`Cannot measure: ${hits?.count ?? 0} of ${calls} calls were hits`);
}
