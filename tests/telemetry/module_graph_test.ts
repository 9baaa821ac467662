import assert from "node:assert/strict";

const mayRead = Deno.permissions.querySync({ name: "read" }).state === "granted";

/** What a file loads at once: imports that are neither of types alone nor dynamic. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"/gm);
  return [...statements].map((match) => match[1]);
}

Deno.test(
  { name: "telemetry: a server that does not trace loads none of it", ignore: !mayRead },
  async () => {
    const root = new URL("../../", import.meta.url);
    const files = new Set(
      ["server.ts", "server_thread.ts"].map((file) => new URL(file, root).href),
    );
    for (const file of files) {
      if (!file.endsWith(".ts")) continue;
      for (const specifier of importsOf(await Deno.readTextFile(new URL(file)))) {
        files.add(new URL(specifier, file).href);
      }
    }
    assert.ok(files.size > 100, `found ${files.size} modules`);
    const telemetry = [...files].filter((file) => file.includes("/lib/telemetry/"));
    // It says whether there is anything to load.
    assert.deepEqual(telemetry, [new URL("lib/telemetry/variables.ts", root).href]);
  },
);
