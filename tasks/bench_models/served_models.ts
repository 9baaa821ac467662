import { openChannel } from "../../lib/grpc/channel.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import type { OnnxGraph } from "../models/onnx_writer.ts";
import { encodeOnnx } from "../models/onnx_writer.ts";
import { SERVER_FROM_SOURCES, type ServerProcess, startServerProcess } from "../server_process.ts";

/** A model of a repository: its graph, and what its configuration says beside the platform. */
export interface ServedModel {
  readonly graph: OnnxGraph;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A server that serves models of a folder of its own. */
export interface ModelServer {
  readonly server: ServerProcess;
  readonly folder: string;
}

/** How long the models may take to load. */
const LOAD_MS_MAX = 60_000;

const POLL_MS = 50;

/** Where a version's file stands in a repository. */
export function modelFile(folder: string, name: string, version = "1"): string {
  return `${folder}/${name}/${version}/model.onnx`;
}

/** Runs `use` with a server that serves the models; stops it and removes their folder afterwards. */
export async function withModels<Result>(
  models: Readonly<Record<string, ServedModel>>,
  use: (served: ModelServer) => Promise<Result>,
  flags: readonly string[] = [],
): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "bench-models-" });
  try {
    for (const [name, { graph, config = {} }] of Object.entries(models)) {
      const file = modelFile(folder, name);
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(file, encodeOnnx(graph));
      const text = JSON.stringify({ platform: "onnx", ...config });
      await Deno.writeTextFile(`${folder}/${name}/model.json`, text);
    }
    const all = ["--models", folder, "--http-port", "off", ...flags];
    await using server = await startServerProcess(SERVER_FROM_SOURCES, all);
    await untilServed(server, Object.keys(models));
    return await use({ server, folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @throws {Error} when one of them cannot be served. */
async function untilServed({ port }: ServerProcess, names: readonly string[]): Promise<void> {
  const channel = openChannel({ hostname: "127.0.0.1", port });
  const client = new InferenceClient(channel);
  try {
    const endMs = performance.now() + LOAD_MS_MAX;
    while (!await client.serverReady()) {
      if (performance.now() > endMs) throw new Error(`No models after ${LOAD_MS_MAX} ms`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    for (const name of names) {
      if (!await client.modelReady(name)) throw new Error(`Cannot serve model ${name}`);
    }
  } finally {
    channel.close();
  }
}
