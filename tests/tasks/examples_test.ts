import assert from "node:assert/strict";
import { exampleFiles } from "../../tasks/models/example_models.ts";
import { fromSources } from "../../tasks/server_process.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { runProgram } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test({
  name: "examples/models has what `deno task examples` makes",
  ignore: !mayLoadModels,
}, async () => {
  const files = await exampleFiles();
  assert.equal(files.size, 7);
  for (const [path, bytes] of files) {
    const found = await Deno.readFile(new URL(`examples/models/${path}`, ROOT));
    assert.deepEqual(found, new Uint8Array(bytes), path);
  }
});

Deno.test({
  name: "`deno task demo:models` gets the same answers over REST and gRPC, and a cache hit",
  ignore: !mayLoadModels,
}, async () => {
  const [program, ...args] = fromSources("demo_models.ts");
  const { code, stdout, stderr } = await runProgram(program, ...args);
  assert.equal(code, 0, stderr);
  const [head, ...rows] = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual(head, ["model", "platform", "inputs", "over REST", "then over gRPC", "cache"]);
  const told = rows.map(([model, platform, , rest, grpc, cache]) => {
    assert.equal(rest, grpc, model);
    return [model, platform, rest, cache];
  });
  const faces = JSON.stringify('[{"key":"bbox","value":"38,298,136,374"}…');
  const iris = "probabilities [1, 0, 0, 0, 0.8083, 0.1916] kind [0, 1]";
  assert.deepEqual(told, [
    ["price", "linear", "price [350]", "none"],
    ["xor", "mlp", "y [0, 1, 1, 0]", "none"],
    ["classifier", "onnx", iris, "miss, then hit"],
    ["words", "script", "words [5, 3] mood [0.2, -1.3333]", "none"],
    ["faces", "script", `metadata [${faces}]`, "none"],
  ]);
});
