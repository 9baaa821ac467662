import assert from "node:assert/strict";
import { mayUseNet } from "./test_http.ts";

/** Whether python3 with a module is here, and this test run may use it. */
export function hasPythonModule(module: string): boolean {
  if (!mayUseNet || Deno.permissions.querySync({ name: "run" }).state !== "granted") return false;
  try {
    const { success } = new Deno.Command("python3", {
      args: ["-c", `import ${module}`],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success;
  } catch {
    return false;
  }
}

/** Runs a program of `fixtures`, with a text as its input; fails with its traceback. */
export async function runPython(
  program: string,
  args: readonly string[],
  input = "",
): Promise<void> {
  const path = new URL(`./fixtures/${program}`, import.meta.url).pathname;
  const process = new Deno.Command("python3", {
    args: [path, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { stdout, stderr } = await process.output();
  assert.equal(new TextDecoder().decode(stdout), "ok\n", new TextDecoder().decode(stderr));
}
