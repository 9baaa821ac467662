/** A program to be compiled: runs one instance as its argument says, and writes what came of it, both JSON. */

import { runInstance } from "../platforms/instance.ts";

const { inputs, ...task } = JSON.parse(Deno.args[0]);
const [{ data, ...input }] = inputs;
const outcome = await runInstance({
  ...task,
  inputs: [{ ...input, data: Float32Array.from(data) }],
});
const outputs = outcome.outputs?.map((output) => ({
  ...output,
  data: Array.from<unknown>(output.data),
}));
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ ...outcome, outputs })));
