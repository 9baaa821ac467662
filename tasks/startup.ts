/** Measures `./server` and `./client`: their sizes, and the time from start to first answered call. */

import { openChannel } from "../lib/grpc/channel.ts";
import { ModelServerClient } from "../lib/services/modelserver_client.ts";
import { startServerProcess } from "./server_process.ts";

const ROUNDS = 21;
const MEGABYTE = 1e6;

const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
const program = (name: string) => new URL(`../${name}`, import.meta.url).pathname;

for (const name of ["server", "client"]) {
  const { size } = await Deno.stat(program(name));
  write(`./${name}: ${(size / MEGABYTE).toFixed(0)} MB\n`);
}
const startsMs: number[] = [];
const residentBytes: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const beginMs = performance.now();
  await using server = await startServerProcess({ program: program("server"), args: [] });
  const channel = openChannel({ hostname: "127.0.0.1", port: server.port });
  await new ModelServerClient(channel).setCoefs([1]);
  startsMs.push(performance.now() - beginMs);
  residentBytes.push(await readResidentBytes(server.child.pid));
  channel.close();
}
startsMs.sort((a, b) => a - b);
residentBytes.sort((a, b) => a - b);
const middle = ROUNDS >> 1;
write(
  `start to first answered call, ${ROUNDS} starts: median ${startsMs[middle].toFixed(0)} ms, ` +
    `${startsMs[0].toFixed(0)} to ${startsMs[ROUNDS - 1].toFixed(0)} ms\n` +
    `memory then: ${(residentBytes[middle] / MEGABYTE).toFixed(0)} MB resident with 4 threads\n`,
);

/** What Linux says of a process's memory. */
async function readResidentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}
