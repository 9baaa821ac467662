import assert from "node:assert/strict";
import { hasPythonModule } from "../support/python.ts";

/** Whether python3 with grpcio is here, and this test run may use it. */
export function hasGrpcio(): boolean {
  return hasPythonModule("grpc");
}

/** Runs a client of `fixtures` on a port; fails with its traceback. */
export async function runPythonClient(
  client: string,
  port: number,
  ...more: string[]
): Promise<void> {
  const args = [fixture(client), String(port), ...more];
  const command = new Deno.Command("python3", { args });
  const { stdout, stderr } = await command.output();
  assert.equal(new TextDecoder().decode(stdout), "ok\n", new TextDecoder().decode(stderr));
}

/** A server of `fixtures`, which prints its port when it listens, and ends with its input. */
export class PythonServer implements AsyncDisposable {
  readonly port: number;
  /** What it has printed behind its port, on the same line. */
  readonly printed: readonly string[];
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, [port, ...printed]: readonly string[]) {
    this.#process = process;
    this.port = Number(port);
    this.printed = printed;
  }

  static async start(server: string): Promise<PythonServer> {
    const process = new Deno.Command("python3", {
      args: [fixture(server)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let printed = "";
    while (!printed.endsWith("\n")) {
      const { value, done } = await reader.read();
      assert.ok(!done, "the server has ended before it printed its port");
      printed += value;
    }
    await reader.cancel();
    return new PythonServer(process, printed.trim().split(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stdin.close();
    await this.#process.status;
  }
}

function fixture(file: string): string {
  return new URL(`./fixtures/${file}`, import.meta.url).pathname;
}
