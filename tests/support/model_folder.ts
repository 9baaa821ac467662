import type { ModelSource } from "../../lib/inference/model.ts";

/** A version's folder that is gone at the end of the scope. */
export interface ModelFolder extends AsyncDisposable {
  /** The folder as a model's source, of the name "m" and version "1". */
  readonly source: ModelSource;
}

/** Makes a version's folder of files with these contents. */
export async function modelFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  source: Partial<ModelSource> = {},
): Promise<ModelFolder> {
  const folder = await Deno.makeTempDir({ prefix: "model-" });
  for (const [name, content] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
  }
  return {
    source: {
      name: "m",
      version: "1",
      folder,
      inputs: undefined,
      outputs: undefined,
      options: {},
      ...source,
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
