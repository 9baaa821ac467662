/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** A client thread's composition root: one connection, one closed loop of the random workload. */

import { openChannel } from "./lib/grpc/channel.ts";
import { channelSecurity } from "./lib/security/client_credentials.ts";
import { ModelServerClient } from "./lib/services/modelserver_client.ts";
import { modelServerCaller } from "./lib/services/modelserver_caller.ts";
import type { ClientCommand, ClientReport } from "./lib/workload/client_protocol.ts";
import { runClosedLoop } from "./lib/workload/closed_loop.ts";
import { randomWorkload } from "./lib/workload/random.ts";

const report = (message: ClientReport) => self.postMessage(message);
const reportFailure = (error: unknown) =>
  report({ type: "failed", message: error instanceof Error ? error.message : String(error) });

self.onmessage = (event: MessageEvent<ClientCommand>) => {
  const command = event.data;
  if (command.type === "prepare") prepare(command).catch(reportFailure);
};

async function prepare(options: Extract<ClientCommand, { type: "prepare" }>): Promise<void> {
  const { hostname, port, credentials } = options;
  const channel = openChannel({ hostname, port, ...channelSecurity(credentials) });
  const caller = modelServerCaller(new ModelServerClient(channel));
  await channel.connect();
  self.onmessage = () => {
    runClosedLoop(caller, randomWorkload(options), {
      onProgress: (done) => report({ type: "progress", done }),
    }).then((result) => report({ type: "done", result })).catch(reportFailure);
  };
  report({ type: "ready" });
}
