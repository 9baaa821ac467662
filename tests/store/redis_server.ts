import { certificatePath } from "../support/certificates.ts";
import { canRun } from "../support/programs.ts";

/** Whether there is a Redis to start. */
export const hasRedis = await canRun("redis-server", "--version");

/** How a test's Redis differs. */
export interface RedisServerOptions {
  readonly password?: string;
  /** With `first`'s certificate. */
  readonly tls?: boolean;
  readonly args?: readonly string[];
}

/** A Redis of a test's own, with a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
    this.#process = this.#spawn();
  }

  /** Starts one that writes each change to its disk before it answers. */
  static async start({ password, tls, args = [] }: RedisServerOptions = {}): Promise<RedisServer> {
    const port = freePort();
    const folder = await Deno.makeTempDir();
    const server = new RedisServer(port, folder, [
      ...(tls ? tlsArgs(port) : ["--port", String(port)]),
      ...["--bind", "127.0.0.1", "--dir", folder],
      ...["--appendonly", "yes", "--appendfsync", "always", "--save", ""],
      ...(password === undefined ? [] : ["--requirepass", password]),
      ...args,
    ]);
    await server.#listening();
    return server;
  }

  /** Kills it where it stands. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  /** Starts it again, with what it has on its disk. */
  async restart(more: readonly string[] = []): Promise<void> {
    this.#process = this.#spawn(more);
    await this.#listening();
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** What `redis-cli` says. */
  async ask(...args: readonly string[]): Promise<string> {
    const { stdout } = await new Deno.Command("redis-cli", {
      args: ["-p", String(this.port), ...args],
    }).output();
    return new TextDecoder().decode(stdout).trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #spawn(more: readonly string[] = []): Deno.ChildProcess {
    return new Deno.Command("redis-server", {
      args: [...this.#args, ...more],
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async #listening(): Promise<void> {
    while (true) {
      try {
        return (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}

function tlsArgs(port: number): readonly string[] {
  return [
    ...["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no"],
    ...["--tls-cert-file", certificatePath("first.pem")],
    ...["--tls-key-file", certificatePath("first.key")],
    ...["--tls-ca-cert-file", certificatePath("authority.pem")],
  ];
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
