import assert from "node:assert/strict";
import { mayRunPrograms } from "../support/permissions.ts";

/** Whether python3 has a library that writes weights, and this test run may use it. */
export function hasPython(library: "torch" | "safetensors"): boolean {
  if (!mayRunPrograms) return false;
  try {
    const args = ["-c", `import ${library}`];
    const command = new Deno.Command("python3", { args, stdout: "null", stderr: "null" });
    return command.outputSync().success;
  } catch {
    return false;
  }
}

/** Writes all that `fixtures/make.py` writes into a folder. */
export async function writeWithPython(folder: string): Promise<void> {
  const script = new URL("./fixtures/make.py", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command("python3", { args: [script, folder] })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
