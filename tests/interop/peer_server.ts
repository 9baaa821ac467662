/** A server of somebody else in a process of its own; it is stopped at the end of the scope. */
export class PeerServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #draining: Promise<void>;

  private constructor(child: Deno.ChildProcess, port: number, draining: Promise<void>) {
    this.#child = child;
    this.port = port;
    this.#draining = draining;
  }

  /**
   * Starts a program that listens on a port of the system's choice and says on stderr which.
   *
   * @param listening finds the port, in its first group, in what the program has said
   * @throws {Error} with what it said when it ends without.
   */
  static async start(
    program: string,
    { args, env = {}, listening }: {
      readonly args: readonly string[];
      readonly env?: Record<string, string>;
      readonly listening: RegExp;
    },
  ): Promise<PeerServer> {
    const child = new Deno.Command(program, {
      args: [...args],
      env,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`${program} ended with ${(await child.status).code}: ${said}`);
      said += value;
      const match = listening.exec(said);
      if (match !== null) return new PeerServer(child, Number(match[1]), drain(reader));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#draining;
  }
}

/** Reads to the end: a program whose pipe is full stops. */
async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
