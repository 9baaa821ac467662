/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** The composition root of a thread of `client bench`: its connections, its part of the load. */

import type { BenchCommand, BenchMessage } from "./lib/bench/bench_protocol.ts";
import { shareOf } from "./lib/bench/load_plan.ts";
import { ThreadLoad } from "./lib/bench/thread_load.ts";
import { openChannel } from "./lib/grpc/channel.ts";
import { sumTraffic } from "./lib/grpc/channel_traffic.ts";
import { channelSecurity } from "./lib/security/client_credentials.ts";
import { benchCallers } from "./lib/services/bench_callers.ts";

const tell = (message: BenchMessage) => self.postMessage(message);
const tellFailure = (error: unknown) =>
  tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });

self.onmessage = (event: MessageEvent<BenchCommand>) => {
  const command = event.data;
  if (command.type === "prepare") prepare(command).catch(tellFailure);
};

async function prepare(
  { address, plan, thread }: Extract<BenchCommand, { type: "prepare" }>,
): Promise<void> {
  const connections = shareOf(plan.connections, thread, plan.threads);
  const { hostname, port, credentials } = address;
  const where = { hostname, port, ...channelSecurity(credentials) };
  const channels = Array.from({ length: connections }, () => openChannel(where));
  await Promise.all(channels.map((channel) => channel.connect()));
  const callers = benchCallers({ plan, thread, channels });
  let load: ThreadLoad<unknown> | undefined;
  self.onmessage = ({ data }: MessageEvent<BenchCommand>) => {
    if (data.type === "stop") load?.stop();
    if (data.type !== "run") return;
    load = new ThreadLoad({
      plan,
      thread,
      callers,
      callsMax: Math.min(...channels.map(({ callsMax }) => callsMax)),
      traffic: () => sumTraffic(channels.map(({ traffic }) => traffic)),
      beginMs: data.beginEpochMs - performance.timeOrigin,
      onSecond: (record) => tell({ type: "second", record }),
    });
    load.run().then((result) => tell({ type: "done", result })).catch(tellFailure);
  };
  tell({ type: "ready" });
}
