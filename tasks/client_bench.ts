import type { BenchReport } from "../lib/bench/report.ts";
import { benchReportSchema } from "../lib/bench/report_schema.ts";
import { fromSources } from "./server_process.ts";

/** How long a run makes calls before it measures. */
const WARM_UP_MS = 1_000;

const OURS = fromSources("../client.ts");

/** One run of `client bench`, as a process of its own. */
export interface ClientBench {
  readonly port: number;
  readonly connections: number;
  readonly inflight: number;
  readonly durationMs: number;
  /** What is called, as flags. */
  readonly flags?: readonly string[];
}

/** Runs `client bench`. @throws {Error} when a call failed: then the numbers mean nothing. */
export async function runClientBench(
  { port, connections, inflight, durationMs, flags = [] }: ClientBench,
): Promise<BenchReport> {
  const [program, ...args] = OURS;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [
      ...[...args, "bench", port, "--output", "json", ...flags],
      ...["--connections", connections, "--inflight", inflight],
      ...["--warmup", `${WARM_UP_MS}ms`, "--duration", `${durationMs}ms`],
    ].map(String),
  }).output();
  if (!success) throw new Error(`Cannot measure: ${new TextDecoder().decode(stderr)}`);
  const report = benchReportSchema.parse(JSON.parse(new TextDecoder().decode(stdout)));
  if (report.errors.length > 0) {
    throw new Error(`Cannot measure: calls failed, ${JSON.stringify(report.errors)}`);
  }
  return report;
}
