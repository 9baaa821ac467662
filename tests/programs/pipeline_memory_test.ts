import assert from "node:assert/strict";
import { residentKib } from "../../tasks/scale/process_usage.ts";
import { SERVER_FROM_SOURCES, startServerProcess } from "../../tasks/server_process.ts";
import { constantNetwork } from "../pipeline/network_file.ts";
import { idOf, uploadForm } from "../pipeline/served_pipeline.ts";
import { mayRunPrograms } from "../support/permissions.ts";

/** What is over may stay until V8 next looks; uploads that each left 3 MiB would leave twice as much. */
const GROWTH_KIB_MAX = 120 * 1_024;

const UPLOADS = 80;

Deno.test({
  name: "sources: uploads to the Pipeline, good and bad ones, leave nothing behind",
  ignore: !mayRunPrograms || Deno.build.os !== "linux",
}, async () => {
  await using server = await startServerProcess(SERVER_FROM_SOURCES, [
    ...["--host", "127.0.0.1", "--http-port", "0", "--pipeline-workers", "2"],
  ]);
  const url = `http://127.0.0.1:${server.httpPort}/set_weights`;
  const good = constantNetwork(1);
  const upload = async (number: number) => {
    const isGood = number % 4 !== 0;
    const body = uploadForm(idOf(number), isGood ? good : good.subarray(1));
    const response = await fetch(url, { method: "PUT", body });
    assert.equal((await response.json()).status, isGood);
  };
  for (let number = 0; number < 10; number++) await upload(number);
  const { pid } = server.child;
  const before = residentKib(pid);
  const descriptorsBefore = openDescriptors(pid);
  for (let number = 0; number < UPLOADS; number++) await upload(number);
  const grown = residentKib(pid) - before;
  assert.ok(grown <= GROWTH_KIB_MAX, `${grown} KiB more after ${UPLOADS} uploads`);
  // Each thread that ends leaves two open for good, and a process may have only so many.
  const opened = openDescriptors(pid) - descriptorsBefore;
  assert.ok(opened <= UPLOADS / 4, `${opened} descriptors more after ${UPLOADS} uploads`);
});

/** Source: proc(5), /proc/pid/fd. */
function openDescriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}
