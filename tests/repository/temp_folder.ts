import { dirname } from "node:path";

/** Whether this test run may make folders and read them. */
export const mayUseFolders = ["read", "write"].every((name) =>
  Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
);

/** Whether it may also serve files to itself. */
export const mayServeFiles = mayUseFolders &&
  Deno.permissions.querySync({ name: "net" }).state === "granted";

/** A folder that is gone when the test is over. */
export class TempFolder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "repository-test-" });

  /** Writes files, by their paths in it; folders are made. Objects are written as JSON. */
  async write(files: Readonly<Record<string, string | object>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = `${this.path}/${name}`;
      await Deno.mkdir(dirname(path), { recursive: true });
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(path, text);
    }
  }

  /** The paths of all files and folders in it, sorted. */
  async list(): Promise<string[]> {
    return (await listed(this.path, "")).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function listed(folder: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    found.push(prefix + name);
    if (isDirectory) found.push(...await listed(`${folder}/${name}`, `${prefix}${name}/`));
  }
  return found;
}
