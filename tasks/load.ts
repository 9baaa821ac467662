/**
 * One closed-loop load of cached Predict calls, run as a process of its own so that the servers get
 * equal clients: PORT CONNECTIONS INFLIGHT SECONDS. Prints a line of JSON.
 */

import { openChannel } from "../lib/grpc/channel.ts";
import { ModelServerClient } from "../lib/services/modelserver_client.ts";
import { parseLoadOptions, runClosedLoad, VECTOR } from "./closed_load.ts";

const options = parseLoadOptions(Deno.args);
const channels = Array.from(
  { length: options.connections },
  () => openChannel({ hostname: "127.0.0.1", port: options.port }),
);
const clients = channels.map((channel) => new ModelServerClient(channel));
await clients[0].setCoefs(VECTOR);
await runClosedLoad(clients.map((client) => () => client.predict(VECTOR)), options);
for (const channel of channels) channel.close();
