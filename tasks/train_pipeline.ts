/** Trains the networks of `examples/pipeline` and writes their files; what is there already stays the same. */

import { weightFiles } from "./pipeline/weight_files.ts";

const FOLDER = new URL("../examples/pipeline/", import.meta.url);

await Deno.mkdir(FOLDER, { recursive: true });
for (const [name, text] of weightFiles()) await Deno.writeTextFile(new URL(name, FOLDER), text);
