import { type Channel, openChannel } from "../../lib/grpc/channel.ts";
import type { RunInput } from "../../lib/invocation/run.ts";
import { InvocationClient } from "../../lib/services/invocation_client.ts";
import {
  type ServerCommand,
  type ServerProcess,
  startServerProcess,
} from "../../tasks/server_process.ts";

/** An answer of REST. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A server that runs as a process of its own, with a client of Invocation. */
export class InvokedServer implements AsyncDisposable {
  readonly process: ServerProcess;
  readonly channel: Channel;
  readonly client: InvocationClient;

  private constructor(process: ServerProcess) {
    this.process = process;
    this.channel = openChannel({ hostname: "127.0.0.1", port: process.port });
    this.client = new InvocationClient(this.channel);
  }

  static async start(
    command: ServerCommand,
    flags: readonly string[],
  ): Promise<InvokedServer> {
    const here = ["--host", "127.0.0.1", "--http-port", "0"];
    return new InvokedServer(await startServerProcess(command, [...here, ...flags]));
  }

  /** Asks over REST. @param path such as `/invocation/7` */
  async rest(path: string, init?: RequestInit): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.process.httpPort}${path}`, init);
    return { status: response.status, text: await response.text() };
  }

  /** What is kept of an id. */
  async kept(id: number) {
    const { status, text } = await this.rest(`/invocation/${id}`);
    if (status !== 200) throw new Error(`Cannot find run ${id}: ${status} ${text}`);
    return JSON.parse(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.channel.close();
    await this.process[Symbol.asyncDispose]();
  }
}

/** An input whose parts all tell of the same run. */
export function inputOf(id: number, run: number): RunInput {
  return { id, content: `${id}/${run}`, metadata: [{ key: "run", value: String(run) }] };
}
