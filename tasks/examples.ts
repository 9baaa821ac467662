/** Makes the files of `examples/models` that no editor writes; what is there already stays the same. */

import { exampleFiles } from "./models/example_models.ts";

const FOLDER = new URL("../examples/models/", import.meta.url);

for (const [path, bytes] of await exampleFiles()) {
  const file = new URL(path, FOLDER);
  await Deno.mkdir(new URL(".", file), { recursive: true });
  await Deno.writeFile(file, bytes);
}
