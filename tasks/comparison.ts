import type { LoadResult } from "./closed_load.ts";

/** The loads of both sides of a comparison, one after the other. */
export interface Round {
  readonly ours: LoadResult;
  readonly peer: LoadResult;
}

/** What a load process is told. */
export interface LoadSize {
  readonly port: number;
  readonly connections: number;
  readonly inflight: number;
  readonly seconds: number;
}

/** Writes to stdout. */
export function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** Runs a load to its end. @throws {Error} when it fails. */
export async function runLoad(
  [program, ...args]: readonly string[],
  { port, connections, inflight, seconds }: LoadSize,
): Promise<LoadResult> {
  const { success, stdout } = await new Deno.Command(program, {
    args: [...args, ...[port, connections, inflight, seconds].map(String)],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`the load on port ${port} failed: ${program} ${args.join(" ")}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as LoadResult;
}

/** Cells of a table: the medians of calls/s, p50 and p99. */
export function cells(
  results: readonly Pick<LoadResult, "callsPerSecond" | "p50Ms" | "p99Ms">[],
): string[] {
  return [
    Math.round(median(results.map(({ callsPerSecond }) => callsPerSecond))).toString(),
    median(results.map(({ p50Ms }) => p50Ms)).toFixed(3),
    median(results.map(({ p99Ms }) => p99Ms)).toFixed(3),
  ];
}

/** A cell of a table: the median of ratios, and their range. */
export function ratioCell(ratios: readonly number[], decimals = 1): string {
  const [middle, least, most] = [median(ratios), Math.min(...ratios), Math.max(...ratios)]
    .map((ratio) => ratio.toFixed(decimals));
  return `${middle} (${least}–${most})`;
}

/** The upper of two middle values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
