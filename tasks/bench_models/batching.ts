import { runClientBench } from "../client_bench.ts";
import { median, ratioCell } from "../comparison.ts";
import { matrixGraph } from "../models/onnx_graphs.ts";
import { writeRow, writeTable } from "../scale/table.ts";
import { type ModelServer, withModels } from "./served_models.ts";

const ROUNDS = 3;
const ROUND_MS = 3_000;
const CONNECTIONS = 8;
const INFLIGHT = 8;

/**
 * Square matrices, by their columns: a row of its own reads all of one from memory, 4 MB and more, as a batch of
 * 64 does once.
 */
const SIZES = [1_024, 2_048, 3_162];

const BATCHING = { maxBatchSize: CONNECTIONS * INFLIGHT, maxDelayMs: 5 };

/** 64 requests of one row in flight, with batches and without. */
export async function measureBatching(): Promise<void> {
  const columns = ["alone, rows/s", "batched, rows/s", "ratio (min–max)"];
  writeTable([`x (1, n) · (n, n), ${CONNECTIONS} × ${INFLIGHT} in flight`, ...columns], []);
  for (const size of SIZES) {
    const graph = matrixGraph(size);
    const models = { alone: { graph }, batched: { graph, config: { batching: BATCHING } } };
    await withModels(models, async (served) => {
      const rounds: { alone: number; batched: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const alone = await rowsPerSecond(served, "alone");
        rounds.push({ alone, batched: await rowsPerSecond(served, "batched") });
      }
      writeRow([
        `n = ${size}`,
        Math.round(median(rounds.map(({ alone }) => alone))).toString(),
        Math.round(median(rounds.map(({ batched }) => batched))).toString(),
        ratioCell(rounds.map(({ alone, batched }) => batched / alone)),
      ]);
    });
  }
}

async function rowsPerSecond({ server: { port } }: ModelServer, model: string): Promise<number> {
  const report = await runClientBench({
    port,
    connections: CONNECTIONS,
    inflight: INFLIGHT,
    durationMs: ROUND_MS,
    flags: ["--method", "infer", "--model", model],
  });
  return report.achievedPerSecond;
}
