import type { ModelSource } from "../../lib/inference/model.ts";

/** Whether this test run may make folders with files, and read them. */
export const mayUseFiles = ["read", "write"].every((name) =>
  Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
);

/** A version's folder with files, which is gone at the end of scope. */
export class VersionFolder implements Disposable {
  readonly path: string;

  constructor(files: Readonly<Record<string, Uint8Array | string>>) {
    this.path = Deno.makeTempDirSync();
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${this.path}/${name}`, bytes);
    }
  }

  /** The model "m" of this folder. */
  source(more: Partial<Omit<ModelSource, "folder">> = {}): ModelSource {
    const { path: folder } = this;
    return {
      name: "m",
      version: "1",
      folder,
      inputs: undefined,
      outputs: undefined,
      options: {},
      ...more,
    };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Nobody gives the attempt up. */
export const never: AbortSignal = new AbortController().signal;
