import { INSTANCE_THREADS_IDLE_MAX } from "../limits.ts";
import type { InstanceHandle } from "./instance.ts";

/** A thread as it was started, with what it may do. */
type StartThread = (permissions: Deno.PermissionOptionsObject) => InstanceHandle;

/** Whose models are files that our own code reads: nothing of one is left in its thread. */
const REUSABLE_PLATFORMS = ["linear", "mlp", "onnx", "pipeline"];

/**
 * The threads of instances: one whose model was unloaded, or could not be loaded, loads the next that may do the same.
 *
 * Not to save their start: Deno leaves two file descriptors open of each thread that has ended, and ends the process
 * when there are no more. Threads of scripts end with their model, since a user's code may have left anything in them.
 */
export class InstanceThreads {
  readonly #start: StartThread;
  /** Those that wait for a model, by what they may do; the one that has waited longest first. */
  readonly #idle: { readonly key: string; readonly handle: InstanceHandle }[] = [];

  constructor(start: StartThread) {
    this.#start = start;
  }

  /** A thread for one instance, which gives it back, or terminates it. */
  take(platform: string, permissions: Deno.PermissionOptionsObject): InstanceHandle {
    if (!REUSABLE_PLATFORMS.includes(platform)) return this.#start(permissions);
    const key = JSON.stringify(permissions);
    const index = this.#idle.findLastIndex((idle) => idle.key === key);
    if (index !== -1) return this.#idle.splice(index, 1)[0].handle;
    const handle = this.#start(permissions);
    handle.giveBack = () => this.#keep(key, handle);
    return handle;
  }

  #keep(key: string, handle: InstanceHandle): void {
    handle.onmessage = null;
    handle.onerror = (event) => {
      event.preventDefault();
      const index = this.#idle.findIndex((idle) => idle.handle === handle);
      if (index !== -1) this.#idle.splice(index, 1);
    };
    this.#idle.push({ key, handle });
    if (this.#idle.length > INSTANCE_THREADS_IDLE_MAX) this.#idle.shift()?.handle.terminate();
  }
}
