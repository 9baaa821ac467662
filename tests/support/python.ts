/** Whether python3 with a module is here, and this test run may use it and the network. */
export function hasPythonModule(module: string): boolean {
  const mayRun = ["net", "run"].every((name) =>
    Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
  );
  if (!mayRun) return false;
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
