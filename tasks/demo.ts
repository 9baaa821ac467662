/** Starts a server on a free port, runs the random workload on it and prints the statistics. */

import { RUN, SERVER_FROM_SOURCES, startServerProcess } from "./server_process.ts";

await using server = await startServerProcess(SERVER_FROM_SOURCES);
const client = new Deno.Command(Deno.execPath(), {
  args: [
    ...RUN,
    new URL("../client.ts", import.meta.url).pathname,
    String(server.port),
    ...Deno.args,
  ],
});
const { code } = await client.spawn().status;
Deno.exitCode = code;
