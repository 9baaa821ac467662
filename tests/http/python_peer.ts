import assert from "node:assert/strict";

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
