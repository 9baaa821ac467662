import { mixStream } from "./bench_stream.ts";
import { type LoadPlan, partsOf } from "./load_plan.ts";
import { WeightedDraw } from "./weighted_draw.ts";

/**
 * Decides which of a load's workloads each call of a thread is of, by their weights.
 *
 * It draws at random, from the seed. Taking turns by weight would be as exact and less scattered, but its
 * period would meet others: with four connections in turn and weights of 3 and 1, one connection would have
 * all calls of the second workload, and a constant rate would send them in a beat. Drawn, the workloads mix as
 * those of independent clients do: of n calls, a share s is off by √(s(1−s)/n), so of a million by 0.05 %.
 *
 * @returns draws the index of a call's workload
 */
export function workloadDraw({ workload, seed }: LoadPlan, thread: number): () => number {
  const weights = partsOf(workload).map(({ weight }) => weight);
  if (weights.length === 1) return () => 0;
  const draw = new WeightedDraw(weights, mixStream(seed, thread));
  return () => draw.next();
}
