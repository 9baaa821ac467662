import assert from "node:assert/strict";
import {
  callRest,
  EXAMPLE_CALLS,
  type ExampleAnswer,
  waitUntilReady,
} from "../../tasks/models/example_calls.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

/** The libraries of the distroless cc image that a binary may load. */
const IMAGE_LIBRARIES = [
  "ld-linux-x86-64.so.2",
  "libc.so.6",
  "libdl.so.2",
  "libgcc_s.so.1",
  "libm.so.6",
  "libpthread.so.0",
  "librt.so.1",
  "libstdc++.so.6",
];

/** The user `nonroot` of the distroless images. */
const NONROOT = "65532:65532";

const [, binaries] = ALL_PROGRAMS;
const MODELS = new URL("../../examples/models", import.meta.url).pathname;
const workload = new URL("../../workload.json", import.meta.url).pathname;
const isRoot = !binaries.missing && Deno.build.os === "linux" && Deno.uid() === 0;

Deno.test({
  name: "image: the server runs with the image's libraries alone, as nobody's root",
  ignore: !isRoot || !await canMount(),
}, async () => {
  const root = await Deno.makeTempDir({ prefix: "modelserver-image-" });
  await Deno.chmod(root, 0o755);
  await buildRoot(root, binaries.server.program);
  try {
    await using server = await startServerProcess({
      program: "chroot",
      args: [`--userspec=${NONROOT}`, root, "/server"],
    }, ["--http-port", "0", "--models", "/models", "--log-dir", "/logs"]);
    const status = await Deno.readTextFile(`/proc/${server.child.pid}/status`);
    assert.match(status, /^Uid:\s+65532\s+65532/m);
    const { code, stdout } = await run(binaries.client, [`${server.port}`, workload]);
    assert.equal(code, 0);
    assert.match(stdout, /^success: true\n\noutput: 14\n\noutput: 14\ncache_hit: true\n/);
    assert.ok(server.httpPort !== undefined);
    await waitUntilReady(server.httpPort);
    const answers: Record<string, ExampleAnswer["outputs"]> = {};
    for (const call of EXAMPLE_CALLS) {
      answers[call.model] = (await callRest(server.httpPort, call)).outputs;
    }
    assert.deepEqual(answers.classifier.kind, [0, 1]);
    assert.deepEqual(answers.words.words, [5, 3]);
    server.child.kill("SIGTERM");
    // Not the slower build, which needs fewer libraries.
    assert.match(await server.log, /"uses onnxruntime-node"/);
    assert.match(await Deno.readTextFile(`${root}/logs/server.log`), /"uses onnxruntime-node"/);
  } finally {
    await command("umount", `${root}/proc`);
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test({
  name: "image: the Dockerfile starts what the test starts, on the port it exposes",
  ignore: binaries.missing,
}, async () => {
  const dockerfile = await Deno.readTextFile(new URL("../../Dockerfile", import.meta.url));
  assert.match(dockerfile, /^FROM gcr\.io\/distroless\/cc-debian12:nonroot$/m);
  assert.match(dockerfile, /^COPY --from=build \/src\/server \/server$/m);
  assert.match(dockerfile, /^COPY --from=build \/src\/onnxruntime \/onnxruntime$/m);
  assert.match(dockerfile, new RegExp(`^COPY --from=build --chown=${NONROOT} /volumes /$`, "m"));
  assert.match(dockerfile, /mkdir -p \/volumes\/data \/volumes\/logs$/m);
  assert.match(dockerfile, /^EXPOSE 5440 8080$/m);
  assert.match(dockerfile, /^ENTRYPOINT \["\/server"\]$/m);
});

async function buildRoot(root: string, server: string): Promise<void> {
  for (const folder of ["proc", "lib64", "lib", "tmp", "logs"]) {
    await Deno.mkdir(`${root}/${folder}`);
  }
  await command("chown", NONROOT, `${root}/logs`);
  await Deno.copyFile(server, `${root}/server`);
  await Deno.chmod(`${root}/server`, 0o755);
  const onnxruntime = server.replace(/server$/, "onnxruntime");
  await command("cp", "-r", onnxruntime, MODELS, root);
  const libraries = [...Deno.readDirSync(onnxruntime)].filter(({ name }) => !name.endsWith("wasm"))
    .map(({ name }) => `${root}/onnxruntime/${name}`);
  const linked = await command("ldd", server, ...libraries);
  for (const [, path] of linked.matchAll(/(\/\S+)\s+\(0x/g)) {
    const library = path.slice(path.lastIndexOf("/") + 1);
    if (path.startsWith(root)) continue;
    assert.ok(IMAGE_LIBRARIES.includes(library), `${library} is not in the image`);
    const target = library.startsWith("ld-linux") ? "lib64" : "lib";
    await Deno.copyFile(path, `${root}/${target}/${library}`);
  }
  await command("mount", "-t", "proc", "proc", `${root}/proc`);
}

/** Whether this process may mount /proc, which the image gets from its engine. */
async function canMount(): Promise<boolean> {
  if (!isRoot) return false;
  const folder = await Deno.makeTempDir();
  try {
    await command("mount", "-t", "proc", "proc", folder);
    await command("umount", folder);
    return true;
  } catch {
    return false;
  } finally {
    await Deno.remove(folder);
  }
}

async function command(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
