/**
 * One closed-loop load of cached Predict calls, run as a process of its own so that the servers get
 * equal clients: PORT CONNECTIONS INFLIGHT SECONDS. Prints a line of JSON.
 */

import { openChannel } from "../lib/grpc/channel.ts";
import { ModelServerClient } from "../lib/services/modelserver_client.ts";
import { percentile } from "../lib/workload/statistics.ts";

const INPUTS = 10;

/** What one load measured. */
export interface LoadResult {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

if (import.meta.main) {
  const [port, connections, inflight, seconds] = Deno.args.map(Number);
  const result = await load(port, connections, inflight, seconds * 1_000);
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(result)}\n`));
}

async function load(
  port: number,
  connections: number,
  inflight: number,
  durationMs: number,
): Promise<LoadResult> {
  const vector = Float32Array.from({ length: INPUTS }, (_, i) => i / INPUTS);
  const channels = Array.from(
    { length: connections },
    () => openChannel({ hostname: "127.0.0.1", port }),
  );
  const clients = channels.map((channel) => new ModelServerClient(channel));
  await clients[0].setCoefs(vector);
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + durationMs;
  const loop = async (client: ModelServerClient) => {
    for (;;) {
      const beginMs = performance.now();
      if (beginMs >= endMs) return;
      await client.predict(vector);
      latenciesMs.push(performance.now() - beginMs);
    }
  };
  await Promise.all(
    clients.flatMap((client) => Array.from({ length: inflight }, () => loop(client))),
  );
  const elapsedMs = performance.now() - startMs;
  for (const channel of channels) channel.close();
  const sorted = Float64Array.from(latenciesMs).sort();
  return {
    callsPerSecond: sorted.length / elapsedMs * 1_000,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
  };
}
