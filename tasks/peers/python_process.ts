import type { PythonPeer } from "./python_peers.ts";

/** A peer that listens. */
export interface PythonProcess extends AsyncDisposable {
  /** One for each of its APIs. */
  readonly ports: readonly number[];
}

/** How long a peer may take to import what it needs and load the model. */
const START_MS_MAX = 60_000;

/** How long it may take to stop before it is killed: LitServe waits 30 s for its own, which would outlive it. */
const STOP_MS_MAX = 40_000;

const POLL_MS = 100;

/** The version of a package that a Python has; `undefined` when it or the package is not there. */
export async function versionOf(python: string, name: string): Promise<string | undefined> {
  const args = ["-c", "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))", name];
  try {
    const { success, stdout } = await new Deno.Command(python, { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Starts a peer on free ports and waits until it listens on all; it is stopped at the end of the scope.
 *
 * @param model the ONNX file
 * @throws {Error} with what it wrote when it ends instead, or does not listen in time
 */
export async function startPythonPeer(
  python: string,
  peer: PythonPeer,
  model: string,
): Promise<PythonProcess> {
  const ports = freePorts(peer.apis.length);
  const child = new Deno.Command(python, {
    args: [new URL(peer.file, import.meta.url).pathname],
    env: {
      PEER_MODEL: model,
      PEER_PORTS: ports.join(),
      PYTHONDONTWRITEBYTECODE: "1",
      BENTOML_DO_NOT_TRACK: "True",
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log = new Response(child.stderr).text();
  const stop = async () => {
    // All of them take SIGINT along with their own children; SIGTERM leaves LitServe's behind.
    signal(child, "SIGINT");
    const timer = setTimeout(() => signal(child, "SIGKILL"), STOP_MS_MAX);
    await child.status;
    clearTimeout(timer);
  };
  const ended = child.status.then(() => true);
  const endMs = performance.now() + START_MS_MAX;
  for (const port of ports) {
    while (!await listens(port)) {
      const isOver = await Promise.race([ended, delay(POLL_MS)]);
      if (isOver !== true && performance.now() < endMs) continue;
      await stop();
      throw new Error(`Cannot start ${peer.name}: ${await log}`);
    }
  }
  return { ports, [Symbol.asyncDispose]: stop };
}

/** Ports that nobody had a moment ago: the peers cannot tell which they would choose. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It has ended already.
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
