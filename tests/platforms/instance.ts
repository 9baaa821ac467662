import { instancePermissions } from "../../lib/platforms/instance_permissions.ts";
import type { InstanceOutcome, InstanceTask } from "./instance_worker.ts";

/** Loads a model in a worker with the permissions that its source says, and has it answer once. */
export async function runInstance(
  task: InstanceTask,
  permissions = instancePermissions(task.platform, task.source, task.libraryFolder),
): Promise<InstanceOutcome> {
  const worker = new Worker(new URL("./instance_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions },
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}
