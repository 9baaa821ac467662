import assert from "node:assert/strict";

/**
 * What each folder of `lib` may import of ours, beside itself and the leaves. Arrows point one way:
 * leaves ← lock ← cache, model, numstore ← serving ← services, and http2 ← grpc ← services, security, and
 * tensor ← inference ← services.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  timing: [],
  memory: [],
  tensor: [],
  inference: ["tensor"],
  weights: ["tensor"],
  images: [],
  platforms: ["inference", "tensor", "weights", "images"],
  repository: ["inference", "tensor"],
  lock: [],
  cache: ["lock"],
  model: ["lock"],
  numstore: ["lock", "cache"],
  runtime: ["inference", "tensor", "platforms", "cache", "lock", "timing", "memory"],
  supervision: ["runtime", "repository", "platforms", "inference", "tensor", "cache", "lock"],
  pipeline: ["supervision", "runtime", "platforms", "inference", "tensor"],
  telemetry: ["inference"],
  invocation: ["inference", "tensor"],
  store: ["invocation", "timing"],
  serving: ["lock", "cache", "model", "numstore", "runtime", "store", "telemetry"],
  http2: ["memory"],
  protobuf: [],
  grpc: ["timing", "memory", "http2"],
  security: ["grpc", "http2"],
  http: ["timing", "grpc", "http2", "pipeline", "inference", "invocation", "tensor", "weights"],
  workload: [],
  services: [
    "tensor",
    "inference",
    "invocation",
    "grpc",
    "protobuf",
    "serving",
    "workload",
    "bench",
  ],
  bench: ["workload"],
  cli: ["workload", "bench", "store"],
};

const LEAVES = ["errors.ts", "limits.ts", "no_permissions.ts"];

const mayRead = Deno.permissions.querySync({ name: "read", path: "lib" }).state === "granted";

Deno.test({ name: "lib: imports point one way", ignore: !mayRead }, async () => {
  const wrong: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync("lib")) {
    if (!isDirectory) {
      assert.ok(LEAVES.includes(name), `lib/${name} is not a leaf that this test knows`);
      assert.deepEqual(importsOf(await Deno.readTextFile(`lib/${name}`)), [], `lib/${name}`);
      continue;
    }
    const allowed = MAY_IMPORT[name];
    assert.ok(allowed !== undefined, `lib/${name} is not a folder that this test knows`);
    for (const file of filesOf(`lib/${name}`)) {
      for (const specifier of importsOf(await Deno.readTextFile(file))) {
        const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
        if (!isAllowed(target, name, allowed)) wrong.push(`${file} imports ${target}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test({ name: "lib: only composition roots stand outside", ignore: !mayRead }, () => {
  const roots = [...Deno.readDirSync(".")].map(({ name }) => name).filter((name) =>
    name.endsWith(".ts")
  );
  assert.deepEqual(roots.sort(), [
    "client.ts",
    "client_bench.ts",
    "client_bench_thread.ts",
    "client_thread.ts",
    "model_instance.ts",
    "server.ts",
    "server_models.ts",
    "server_setup.ts",
    "server_thread.ts",
    "store_thread.ts",
  ]);
});

function isAllowed(target: string, folder: string, allowed: readonly string[]): boolean {
  const [root, second] = target.split("/");
  // A contract reads its .proto file, and the version stands in deno.json.
  if (root !== "lib") return target.endsWith(".proto") || target === "deno.json";
  return LEAVES.includes(second) || second === folder || allowed.includes(second);
}

/** The relative imports of a file, types included, those of doc examples not. */
function importsOf(text: string): string[] {
  const code = text.split("\n").filter((line) => !line.trimStart().startsWith("*")).join("\n");
  return [...code.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]*)"/g)].map((match) => match[1]);
}

function* filesOf(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesOf(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}
