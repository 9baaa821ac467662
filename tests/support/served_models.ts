import { moduleLogger } from "../../lib/cli/logging.ts";
import { parseServerFlags } from "../../lib/cli/server_flags.ts";
import { type Channel, openChannel } from "../../lib/grpc/channel.ts";
import type { ModelStatistics } from "../../lib/inference/backend.ts";
import { generationStatistics } from "../../lib/runtime/generation_statistics.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import { type OpenServer, openServer, type ServerFiles } from "../../server_setup.ts";

/** What stands in a file of the repository: an object as JSON. */
export type FileContent = string | Uint8Array | Record<string, unknown> | readonly unknown[];

/** A server with a folder of models, in this process: real threads, real instances, free ports. */
export interface ServedModels extends AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  /** Where REST is, such as `http://127.0.0.1:8080/v2`. */
  readonly rest: string;
  readonly server: OpenServer;
  /** So many connections, which end with the server. */
  clients(count: number): InferenceClient[];
  channel(): Channel;
  /** What was counted of the model's version that serves, the highest of several. */
  statistics(model: string): ModelStatistics;
  /** Resolves once the statistics are so. */
  until(model: string, isSo: (statistics: ModelStatistics) => boolean): Promise<void>;
  /** Writes a file of the repository. @param path such as `m/1/model.ts` */
  write(path: string, content: FileContent): Promise<void>;
}

/**
 * Starts a server with two threads on a repository of these files and waits until all has loaded or failed.
 *
 * @param flags more of the server's
 */
export async function serveModels(
  files: Readonly<Record<string, FileContent>>,
  flags: readonly string[] = [],
  serverFiles: ServerFiles = {},
): Promise<ServedModels> {
  const folder = await Deno.makeTempDir({ prefix: "models-" });
  const write = (path: string, content: FileContent) => writeModelFile(folder, path, content);
  for (const [path, content] of Object.entries(files)) await write(path, content);
  const given = ["--host", "127.0.0.1", "--port", "0", "--http-port", "0", "--models", folder];
  const threads = ["--threads", "2", "--initial-threads", "2"];
  const outcome = parseServerFlags([...given, ...threads, ...flags], () => undefined);
  if (outcome.kind !== "run") throw new Error(`Cannot start a server: ${JSON.stringify(outcome)}`);
  const server = await openServer(outcome.flags, {}, moduleLogger("test"), serverFiles);
  const port = await server.pool.start();
  await server.models.start();
  const channels: Channel[] = [];
  const channel = () => {
    const opened = openChannel({ hostname: "127.0.0.1", port });
    channels.push(opened);
    return opened;
  };
  const statistics = (name: string) => {
    const generation = server.models.table.generations.findLast(({ model }) => model === name);
    if (generation === undefined) throw new Error(`No model "${name}" serves`);
    return generationStatistics(generation);
  };
  return {
    folder,
    port,
    statistics,
    async until(model, isSo) {
      while (!isSo(statistics(model))) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    rest: `http://127.0.0.1:${server.pool.httpPort}/v2`,
    server,
    channel,
    clients: (count) => Array.from({ length: count }, () => new InferenceClient(channel())),
    write,
    async [Symbol.asyncDispose]() {
      for (const opened of channels) opened.close();
      await server.pool.drain(5_000);
      await server.models.close();
      await server.store.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Writes a file of a repository, with the folders that it needs. */
export async function writeModelFile(
  folder: string,
  path: string,
  content: FileContent,
): Promise<void> {
  const file = `${folder}/${path}`;
  await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  if (content instanceof Uint8Array) return await Deno.writeFile(file, content);
  const text = typeof content === "string" ? content : JSON.stringify(content);
  await Deno.writeTextFile(file, text);
}
