import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/weights/safetensors.ts";
import { readStateDict } from "../../lib/weights/state_dict.ts";
import { assertRefused } from "./refusal.ts";

/** What `fixtures/make.py` tells of the tensors that it wrote. */
type Expected = Readonly<
  Record<string, Readonly<Record<string, { datatype: string; shape: number[]; hex: string }>>>
>;

/** What is said of files that PyTorch wrote and that are no state_dict. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  conjugated: /the name "torch ComplexFloatStorage"/,
  expanded: /tensor "a": it has 1000 elements in a storage of 1/,
  legacy: /without the end of one/,
  list: /opcode EMPTY_LIST/,
  module: /the name "torch.nn.modules.container Sequential"/,
  negated: /negated and conjugated views/,
  nested: /"model" is a dict, needs to be a tensor/,
  parameters: /the name "torch._utils _rebuild_parameter"/,
  protocol4: /protocol is 4, needs 2/,
  script: /is compressed \(method 8\)/,
  untyped: /the name "torch._utils _rebuild_tensor_v3"/,
};

/** Checks each file that `make.py` has written into a folder with a library. */
export async function checkFiles(
  t: Deno.TestContext,
  folder: string,
  extension: "pt" | "safetensors",
): Promise<void> {
  const expected: Expected = JSON.parse(await Deno.readTextFile(`${folder}/expected.json`));
  const names = Object.keys(expected).filter((name) => name.endsWith(`.${extension}`));
  assert.ok(names.length > 0);
  for (const name of names) {
    await t.step(name, async () => {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      const tensors = extension === "pt" ? readStateDict(bytes) : readSafetensors(bytes).tensors;
      const found = [...tensors].map(([key, { datatype, shape, data }]) => {
        const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        return [key, { datatype, shape: [...shape], hex: raw.toHex() }] as const;
      });
      if (extension === "pt") {
        assert.deepEqual(found.map(([key]) => key), Object.keys(expected[name]));
      }
      assert.deepEqual(Object.fromEntries(found), expected[name]);
    });
  }
}

/** Checks that what is no state_dict is refused. */
export async function checkRefusedFiles(t: Deno.TestContext, folder: string): Promise<void> {
  for (const [name, message] of Object.entries(REFUSALS)) {
    await t.step(name, async () => {
      const bytes = await Deno.readFile(`${folder}/refused_${name}.pt`);
      assertRefused(() => readStateDict(bytes), message);
    });
  }
}
