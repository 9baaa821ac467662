import assert from "node:assert/strict";
import { SERVER_FROM_SOURCES, startServerProcess } from "../../tasks/server_process.ts";
import { mayRunPrograms } from "../support/permissions.ts";
import { probeModel, probeScript } from "../support/probe_model.ts";
import { writeModelFile } from "../support/served_models.ts";

/** What is over may stay until V8 next looks; by so much at the end it has to be less than at the start. */
const GROWTH_BYTES_MAX = 250 * 2 ** 20;

/** As many as would take a gigabyte if none gave anything back … */
const RELOADS_MIN = 80;

/** … and as many as would take four. */
const RELOADS_MAX = 320;

Deno.test({
  name: "sources: what many reloads have taken is given back",
  ignore: !mayRunPrograms || Deno.build.os !== "linux",
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "modelserver-reloads-" });
  try {
    const files = probeModel("leak", { cache: {} });
    for (const [path, content] of Object.entries(files)) {
      await writeModelFile(folder, path, content);
    }
    const httpPort = freePort();
    const flags = ["--models", folder, "--http-port", `${httpPort}`, "--host", "127.0.0.1"];
    await using running = await startServerProcess(SERVER_FROM_SOURCES, flags);
    const url = `http://127.0.0.1:${httpPort}/v2/repository/models/leak/load`;
    const reload = async (scale: number) => {
      await writeModelFile(folder, "leak/1/model.js", probeScript(scale));
      const response = await fetch(url, { method: "POST" });
      assert.equal(response.status, 200, await response.text());
    };
    const { pid } = running.child;
    for (let scale = 2; scale < 12; scale++) await reload(scale);
    const before = residentBytes(pid);
    let growth = Infinity;
    for (let scale = 12; scale < RELOADS_MAX && growth > GROWTH_BYTES_MAX; scale++) {
      await reload(scale);
      if (scale >= RELOADS_MIN) growth = residentBytes(pid) - before;
    }
    // Were a generation kept, its isolate and queue would be: no look of V8's would bring the memory back.
    assert.ok(growth <= GROWTH_BYTES_MAX, `${growth / 2 ** 20} MiB after ${RELOADS_MAX} reloads`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Source: proc(5), /proc/pid/status. */
function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1_024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}
