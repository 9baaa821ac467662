/**
 * Holds connections that do nothing, run as a process of its own: PORT COUNT KIND. With the kind
 * `greeted` each has exchanged prefaces and SETTINGS, with `called` it has made a call as well. Prints
 * a line of JSON once all are there, and ends with its standard input.
 */

import { openChannel } from "../../lib/grpc/channel.ts";
import { clientConnection } from "../../lib/http2/client_connection.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";

/** Connections that are opened at once: fewer than a listener's backlog. */
const OPENING = 100;

if (import.meta.main) {
  const [port, count, kind] = Deno.args;
  const open = kind === "called" ? openCalled : openGreeted;
  for (let left = Number(count); left > 0; left -= OPENING) {
    const opening = Math.min(left, OPENING);
    await Promise.all(Array.from({ length: opening }, () => open(Number(port))));
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ count })}\n`));
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}

async function openGreeted(port: number): Promise<void> {
  const connection = clientConnection(await Deno.connect({ port }), () => {});
  connection.run();
  await connection.greeted;
}

async function openCalled(port: number): Promise<void> {
  const channel = openChannel({ hostname: "127.0.0.1", port });
  await new ModelServerClient(channel).predict([1]);
}
