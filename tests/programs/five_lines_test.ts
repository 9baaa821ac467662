import assert from "node:assert/strict";
import page from "../../docs/models.md" with { type: "text" };
import readme from "../../README.md" with { type: "text" };
import { canRun } from "../support/programs.ts";
import { ALL_PROGRAMS } from "./programs.ts";

const MODEL = new URL("../../examples/models/classifier/1/model.onnx", import.meta.url);

const lines = firstShell(page);
const hasCurl = await canRun("curl", "--version");

Deno.test("README.md has the lines of docs/models.md that serve an ONNX file", () => {
  assert.equal(lines.trimEnd().split("\n").length, 5);
  assert.ok(readme.includes(lines));
});

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: the five lines of docs/models.md serve an ONNX file`,
    ignore: missing || !hasCurl,
  }, async () => {
    const folder = await Deno.makeTempDir({ prefix: "modelserver-lines-" });
    try {
      await Deno.copyFile(MODEL, `${folder}/iris.onnx`);
      const port = freePort();
      const flags = ["--host", "127.0.0.1", "--port", "0", "--http-port", `${port}`];
      const command = [server.program, ...server.args, ...flags].map((word) => `'${word}'`);
      const script = `#!/bin/sh\nexec ${command.join(" ")} "$@"\n`;
      await Deno.writeTextFile(`${folder}/server`, script, { mode: 0o755 });
      const said = lines.replaceAll("localhost:8080", `127.0.0.1:${port}`);
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        // The server's own output would keep this one's open.
        args: ["-e", "-c", `trap 'kill $!; wait' EXIT\n${said.replace(" &", " >log 2>&1 &")}`],
        cwd: folder,
      }).output();
      const decoder = new TextDecoder();
      assert.equal(code, 0, decoder.decode(stderr));
      const answer = decoder.decode(stdout).replace(/^ok/, "");
      const { model_name: model, outputs } = JSON.parse(answer);
      assert.deepEqual([model, outputs[1].data], ["iris", [0]]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function firstShell(text: string): string {
  const [, shell = ""] = /```sh\n(.*?)```/s.exec(text) ?? [];
  return shell;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
