import assert from "node:assert/strict";
import fc from "fast-check";
import type { Model, ModelSource } from "../../lib/inference/model.ts";
import type { PlatformLogEntry } from "../../lib/platforms/platform_log.ts";
import { RecordedStatistics } from "../../lib/platforms/recorded_statistics.ts";
import { scriptPlatform } from "../../lib/platforms/script.ts";
import { type Datatype, DATATYPES, viewElements } from "../../lib/tensor/datatype.ts";
import type { Tensor, TensorSpec } from "../../lib/tensor/tensor.ts";
import { modelFolder } from "../support/model_folder.ts";
import { mayLoadModels } from "../support/permissions.ts";

const ignore = !mayLoadModels;
const ECHO = "export const predict = (batch) => batch.map(({ x }) => ({ y: x }));";

function specs(name: string, datatype: Datatype, shape: readonly number[]): TensorSpec[] {
  return [{ name, datatype, shape }];
}

/** From x to y, of one datatype and shape. */
function alike(datatype: Datatype, shape: readonly number[]): Partial<ModelSource> {
  return { inputs: specs("x", datatype, shape), outputs: specs("y", datatype, shape) };
}

const FLOATS = alike("FP32", [-1]);

Deno.test({ name: "script: what each datatype and shape is for a script", ignore }, async (t) => {
  const utf8 = (...texts: string[]) => texts.map((text) => new TextEncoder().encode(text));
  const cases: [string, Tensor, number[], string][] = [
    ["numbers", tensor("FP32", [2], Float32Array.of(1.5, 2)), [-1], "1.5;2"],
    ["int64", tensor("INT64", [2], BigInt64Array.of(1n, -2n)), [-1], "1n;-2n"],
    ["booleans", tensor("BOOL", [2], Uint8Array.of(1, 0)), [-1], "true;false"],
    ["half floats", tensor("FP16", [2], Uint16Array.of(0x3c00, 0xc000)), [-1], "1;-2"],
    ["brain floats", tensor("BF16", [2], Uint16Array.of(0x3f80, 0xc000)), [-1], "1;-2"],
    ["texts", { name: "x", datatype: "BYTES", shape: [2], data: utf8("a", "ü") }, [-1], '"a";"ü"'],
    [
      "vectors",
      tensor("INT32", [2, 2], Int32Array.of(1, 2, 3, 4)),
      [-1, 2],
      "Int32Array 1,2;Int32Array 3,4",
    ],
    [
      "vectors of halves",
      tensor("FP16", [1, 2], Uint16Array.of(0x3c00, 0)),
      [-1, -1],
      "Float32Array 1,0",
    ],
    ["vectors of booleans", tensor("BOOL", [1, 2], Uint8Array.of(1, 0)), [-1, 2], "Uint8Array 1,0"],
    [
      "vectors of texts",
      { name: "x", datatype: "BYTES", shape: [1, 2], data: utf8("a", "b") },
      [-1, 2],
      "Array a,b",
    ],
    [
      "matrices",
      tensor("FP32", [1, 1, 2], Float32Array.of(1, 2)),
      [-1, 1, 2],
      "[1,2] Float32Array 1,2",
    ],
    ["one item without batch", tensor("FP32", [2], Float32Array.of(1, 2)), [2], "Float32Array 1,2"],
    ["a scalar", tensor("FP64", [], Float64Array.of(3)), [], "3"],
  ];
  const script = `
    function tell(x) {
      if (typeof x === "bigint") return x + "n";
      if (typeof x !== "object") return JSON.stringify(x);
      if ("shape" in x) return "[" + x.shape + "] " + tell(x.data);
      return x.constructor.name + " " + [...x];
    }
    export function predict(batch, { recordStatistic, logger }) {
      logger.info(batch.map(({ x }) => tell(x)).join(";"));
      return batch.map(({ x }) => ({ y: x }));
    }`;
  for (const [what, input, shape, told] of cases) {
    await t.step(what, async () => {
      await using folder = await modelFolder({ "model.js": script }, alike(input.datatype, shape));
      const { model, entries } = await load(folder.source);
      const [output] = await model.predict([input]);
      assert.deepEqual(entries.map(({ message }) => message), [told]);
      assert.deepEqual(output, { ...input, name: "y" }, "and back");
      await model.unload();
    });
  }
});

Deno.test({ name: "script: every value of every datatype goes through", ignore }, async (t) => {
  for (const datatype of DATATYPES) {
    await t.step(datatype, async () => {
      const folders = [];
      for (const shape of [[-1, -1], [-1]]) {
        const source = { ...alike(datatype, shape), options: { bytes: "binary" } };
        folders.push(await modelFolder({ "model.js": ECHO }, source));
      }
      const models = await Promise.all(
        folders.map(async ({ source }) => (await load(source)).model),
      );
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bits) => {
          const data = elementsOf(datatype, bits);
          for (const [index, shape] of [[2, 2], [4]].entries()) {
            const input = { name: "x", datatype, shape, data } as Tensor;
            const [output] = await models[index].predict([input]);
            assert.deepEqual(output, { ...input, name: "y" });
          }
        }),
        { numRuns: 50 },
      );
      for (const folder of folders) await folder[Symbol.asyncDispose]();
    });
  }
});

Deno.test(
  { name: "script: inputs are copies that a script may keep and change", ignore },
  async () => {
    const script = `
    const kept = [];
    export function predict(batch) {
      kept.push(...batch.map(({ x }) => x));
      for (const { x } of batch) x[1] = 9;
      return batch.map((_, row) => ({ y: kept[row] }));
    }`;
    await using folder = await modelFolder({ "model.js": script }, alike("FP32", [-1, 2]));
    const { model } = await load(folder.source);
    const data = new Float32Array(new SharedArrayBuffer(8));
    data.set([1, 2]);
    const [first] = await model.predict([tensor("FP32", [1, 2], data)]);
    assert.deepEqual([...data], [1, 2]);
    data.fill(5);
    const [second] = await model.predict([tensor("FP32", [1, 2], data)]);
    assert.deepEqual(second, first);
    assert.deepEqual(first.data, Float32Array.of(1, 9));
  },
);

Deno.test({ name: "script: no rows are no batch", ignore }, async () => {
  const script = "export function predict() { throw new Error('called'); }";
  const outputs = specs("y", "INT8", [-1, 3, -1]);
  const source = { inputs: specs("x", "FP32", [-1, 2]), outputs };
  await using folder = await modelFolder({ "model.js": script }, source);
  const { model } = await load(folder.source);
  assert.deepEqual(
    await model.predict([tensor("FP32", [0, 2], new Float32Array())]),
    [{ name: "y", datatype: "INT8", shape: [0, 3, 0], data: new Int8Array() }],
  );
});

Deno.test({ name: "script: what predict returns is checked", ignore }, async (t) => {
  const cases: [string, Datatype, readonly number[], RegExp][] = [
    ["[{ y: 1 }]", "FP32", [-1], /: 1 results for a batch of 2, one for each is needed$/],
    ["[1, 2, 3].map((y) => ({ y }))", "FP32", [-1], /: 3 results for a batch of 2/],
    ["({ y: 1 })", "FP32", [-1], /: it is of class Object, needs an array of 2, one for each row$/],
    ["undefined", "FP32", [-1], /: it is undefined, needs an array of 2/],
    ["[{ y: 1 }, 2]", "FP32", [-1], /: result 1 is 2, needs an object of outputs$/],
    ["[{ y: 1 }, { z: 2 }]", "FP32", [-1], /: result 1 has no output "y"$/],
    ["[{ y: 1, z: 2 }, { y: 1 }]", "FP32", [-1], /: result 0 has "z", which is no output/],
    [
      '[{ y: 1 }, { y: "2" }]',
      "FP32",
      [-1],
      /output "y" of row 1 has the string "2", needs a number$/,
    ],
    ["[{ y: 1 }, { y: 1n }]", "FP32", [-1], /output "y" of row 1 has 1, needs a number/],
    ["[{ y: 256 }, { y: 1 }]", "UINT8", [-1], /row 0 has 256, needs an integer from 0 to 255$/],
    ["[{ y: 0.5 }, { y: 1 }]", "INT32", [-1], /row 0 has 0\.5, needs an integer from -2147483648/],
    [
      "[{ y: 2n ** 63n }, { y: 1 }]",
      "INT64",
      [-1],
      /row 0 has 9223372036854775808, needs a bigint/,
    ],
    ["[{ y: 2 ** 53 }, { y: 1 }]", "INT64", [-1], /row 0 has 9007199254740992, needs a bigint/],
    ["[{ y: 2 }, { y: 1 }]", "BOOL", [-1], /row 0 has 2, needs a boolean, 0 or 1$/],
    ["[{ y: 2 }, { y: 1 }]", "BYTES", [-1], /row 0 has 2, needs a string or a Uint8Array$/],
    [
      "[{ y: [1, 2] }, { y: [1] }]",
      "FP32",
      [-1, -1],
      /row 1 has shape \[1\], needs \[2\] as row 0 has$/,
    ],
    ["[{ y: [1] }, { y: [1] }]", "FP32", [-1, 2], /row 0 has shape \[1\], needs \[2\]$/],
    ["[{ y: 1 }, { y: 1 }]", "FP32", [-1, 2], /row 0 is 1, needs an array of FP32$/],
    [
      "[{ y: [1, 2] }, { y: [1, 2] }]",
      "FP32",
      [-1, 2, -1],
      /row 0 is an array, needs \{ shape, data \}/,
    ],
    [
      "[1, 2].map(() => ({ y: { shape: [2, 2], data: [1, 2] } }))",
      "FP32",
      [-1, 2, -1],
      /row 0 has 2 elements, needs 4 for \[2,2\]$/,
    ],
    [
      "[1, 2].map(() => ({ y: new Float64Array(2) }))",
      "FP32",
      [-1, 2],
      /row 0 is of class Float64Array, needs an array of FP32 or of numbers$/,
    ],
  ];
  for (const [answer, datatype, shape, message] of cases) {
    await t.step(answer, async () => {
      const script = `export const predict = () => (${answer});`;
      const source = { inputs: specs("x", "FP32", [-1]), outputs: specs("y", datatype, shape) };
      await using folder = await modelFolder({ "model.js": script }, source);
      const { model } = await load(folder.source);
      await assert.rejects(async () => await model.predict([floats(1, 2)]), (error: Error) => {
        assert.match(error.message, /^Cannot use what predict of model "m" returned: /);
        assert.match(error.message, message);
        return (error as unknown as { code: string }).code === "internal";
      });
    });
  }
});

Deno.test({
  name: "script: arrays of numbers, and shapes that are known, need no typed array",
  ignore,
}, async (t) => {
  const cases: [string, Datatype, readonly number[], readonly unknown[]][] = [
    ["[1, 2]", "FP32", [-1, 2], [1, 2]],
    ["[1, 2n]", "INT64", [-1, 2], [1n, 2n]],
    ["[true, 0]", "BOOL", [-1, -1], [1, 0]],
    ["[1, 2]", "FP16", [-1, 2], [0x3c00, 0x4000]],
    ["[1, 2]", "FP32", [-1, 2, 1], [1, 2]],
    ["{ shape: [1, 2], data: [1, 2] }", "FP32", [-1, -1, -1], [1, 2]],
  ];
  for (const [value, datatype, shape, expected] of cases) {
    await t.step(`${value} for ${datatype} ${shape}`, async () => {
      const script = `export const predict = (batch) => batch.map(() => ({ y: ${value} }));`;
      const source = { inputs: specs("x", "FP32", [-1]), outputs: specs("y", datatype, shape) };
      await using folder = await modelFolder({ "model.js": script }, source);
      const { model } = await load(folder.source);
      const [{ data }] = await model.predict([floats(1)]);
      assert.deepEqual([...data], expected);
    });
  }
});

Deno.test({ name: "script: the hooks, async, with what load returned", ignore }, async () => {
  const script = `
    import type { Context } from "./types.ts";
    export async function load({ environment, model, signal }: Context) {
      await Promise.resolve();
      return { environment, before: model, aborted: signal.aborted };
    }
    export async function predict(batch: unknown[], context: Context) {
      context.recordStatistic({ rows: batch.length });
      const { model, environment } = context;
      if (model.before !== undefined || model.aborted) throw new Error("wrong");
      await Promise.resolve();
      return batch.map(() => ({ y: JSON.stringify([model.environment, environment]) }));
    }
    export async function unload({ model, logger, signal }: Context) {
      await Promise.resolve();
      logger.warn("bye", { device: model.environment.device, aborted: signal.aborted });
    }`;
  const source = { inputs: specs("x", "FP32", [-1]), outputs: specs("y", "BYTES", [-1]) };
  const options = { device: "cuda:1", tempFolder: "/tmp/m" };
  await using folder = await modelFolder({ "model.ts": script }, { ...source, options });
  const { model, entries, statistics } = await load(folder.source);
  const [{ data }] = await model.predict([floats(1)]);
  const environment = { name: "m", version: "1", folder: folder.source.folder, ...options };
  const [told] = data as Uint8Array[];
  assert.deepEqual(JSON.parse(new TextDecoder().decode(told)), [environment, environment]);
  await model.predict([floats(1, 2, 3)]);
  assert.deepEqual(statistics.snapshot(), { rows: { count: 2, sum: 4, min: 1, max: 3 } });
  await model.unload();
  const fields = { device: "cuda:1", aborted: false };
  assert.deepEqual(entries, [{ level: "warn", model: "m", version: "1", message: "bye", fields }]);
});

Deno.test({
  name: "script: modules of the folder, TypeScript that has code of its own, JSON",
  ignore,
}, async () => {
  const files = {
    "model.ts": `
      import { type Factor, factorOf } from "./parts/factor.ts";
      import labels from "./labels.json" with { type: "json" };
      import { basename } from "node:path";
      enum Sign { Plus = 1, Minus = -1 }
      namespace Constants { export const ten = 10; }
      class Scale { constructor(readonly by: number) {} }
      export async function predict(batch: { x: number }[]) {
        const { add } = await import("./parts/add.js");
        const factor: Factor = factorOf();
        const name = basename(new URL("./labels.json", import.meta.url).pathname);
        if (name !== "labels.json" || !import.meta.filename.endsWith("/model.ts")) throw new Error(name);
        const scale = new Scale(labels.scale * factor * Sign.Minus);
        return batch.map(({ x }) => ({ y: add(x * scale.by, Constants.ten) }));
      }`,
    "labels.json": '{ "scale": 2 }',
    "parts/factor.ts":
      'import { counts } from "./add.js"; export type Factor = number; export const factorOf = () => 1 + counts.loads;',
    "parts/add.js":
      "export const counts = { loads: 0 }; counts.loads++; export const add = (a, b) => a + b;",
  };
  await using folder = await modelFolder(files, FLOATS);
  const { model } = await load(folder.source);
  const [{ data }] = await model.predict([floats(1, 2)]);
  assert.deepEqual([...data], [6, 2], "and one module for all that import it");
});

Deno.test({ name: "script: errors name the user's file, line and column", ignore }, async (t) => {
  const cases: [string, Record<string, string>, RegExp][] = [
    [
      "TypeScript that cannot be read",
      { "model.ts": "const a = 1;\n  const b: = 2;" },
      /^Cannot load model "m": Cannot read model\.ts:2:12: Unexpected token/,
    ],
    [
      "JavaScript that cannot be read",
      { "model.js": "const a = 1;\n  const b = ;" },
      /^Cannot load model "m": [^]* model\.js:2:13/,
    ],
    [
      "a module that throws",
      { "model.ts": "interface A { a: 1 }\nenum B { C }\n\n   throw new Error(`no ${B.C}`);" },
      /^Cannot load model "m": no 0 \(model\.ts:4:10\)$/,
    ],
    [
      "a predict that is no function",
      {
        "model.ts":
          "interface A {\n}\nexport function load(): A {\n  throw new TypeError('no');\n}\nexport const predict = 1;",
      },
      /exports a number as predict, needs a function$/,
    ],
    [
      "load of another file",
      {
        "model.js": `import { f } from "./f.ts"; export const predict = f; export const load = f;`,
        "f.ts": "type A = 1;\n\nexport const f = (): A => {\n    throw new RangeError('no');\n};",
      },
      /^Cannot load model "m": no \(f\.ts:4:11\)$/,
    ],
    [
      "what is no Error",
      { "model.js": "throw 7" },
      /^Cannot load model "m": 7 was thrown, which is no/,
    ],
    ["no predict", { "model.js": "export const load = 0" }, /model\.js exports a number as load/],
    ["no exports", { "model.js": "" }, /model\.js exports nothing as predict, needs a function$/],
    [
      "an export that is not there",
      {
        "model.js": "\nimport { g } from './f.js'; export { g as predict };",
        "f.js": "export const f = 1;",
      },
      /does not provide an export named 'g' at model\.js:2:/,
    ],
    [
      "a circle",
      { "model.js": "import './a.js'", "a.js": "import './b.js'", "b.js": "import './a.js'" },
      /Cannot read a\.js: modules .* in a circle: a\.js → b\.js → a\.js$/,
    ],
    [
      "a package",
      { "model.js": "import 'npm:zod'" },
      /model\.js: it imports "npm:zod", needs a relative/,
    ],
    [
      "an address",
      { "model.js": "import('https://a.b/c.js')" },
      /it imports "https:\/\/a\.b\/c\.js"/,
    ],
    ["a file's URL", { "model.js": "import 'file:///etc/hostname'" }, /it imports "file:/],
    [
      "a path to elsewhere",
      { "model.js": "import '../../m/1/a.ts'" },
      /outside of the version's folder/,
    ],
    ["a computed import", { "model.js": "import('./a' + '.js')" }, /it imports what it computes/],
    [
      "a module that runs text",
      { "model.js": "import 'node:vm'" },
      /it imports "node:vm", which scripts/,
    ],
    [
      "a file of another kind",
      { "model.js": "import './a.css'", "a.css": "" },
      /needs a file that ends in/,
    ],
    [
      "a missing file",
      { "model.js": "import './a.ts'" },
      /Cannot read a\.ts, which model\.js imports: there/,
    ],
    ["no script", {}, /^Cannot load model "m": there is no model\.ts or model\.js in /],
  ];
  for (const [what, files, message] of cases) {
    await t.step(what, async () => {
      await using folder = await modelFolder(files, FLOATS);
      await assert.rejects(load(folder.source), { name: "OperationError", message });
    });
  }
});

Deno.test({ name: "script: what predict throws", ignore }, async (t) => {
  const script = `enum Kind { Bad = 1 }

    export function predict([{ x }], context: any) {
      if (x === Kind.Bad) throw context.inputError("x must not be 1");
      if (x === 2) throw "text";
      if (x === 4) throw { toString() { throw new Error("of toString"); } };
      if (x === 5) throw Object.create(null);
      if (x === 6) throw Object.assign(new Error(), { message: { x } });
      if (x === 7) throw Object.defineProperty(new Error("m"), "stack", { get() { throw 1; } });
      return fail(x);
    }

    async function fail(x: number): Promise<never> {
      throw new Error("failed on " + x);
    }`;
  await using folder = await modelFolder({ "model.ts": script }, FLOATS);
  const { model } = await load(folder.source);
  const cases: [number, string, string][] = [
    [1, "invalid-argument", "x must not be 1"],
    [2, "internal", "text was thrown, which is no Error"],
    [3, "internal", "failed on 3 (model.ts:14:13)"],
    [4, "internal", "something that has no text was thrown, which is no Error"],
    [5, "internal", "something that has no text was thrown, which is no Error"],
    [6, "internal", "[object Object] (model.ts:8:40)"],
    [7, "internal", "m"],
  ];
  for (const [x, code, words] of cases) {
    await t.step(words, () =>
      assert.rejects(async () => await model.predict([floats(x)]), {
        code,
        message: `Cannot predict with model "m": ${words}`,
      }));
  }
});

Deno.test(
  { name: "script: the configuration has to tell inputs and outputs", ignore },
  async () => {
    await using folder = await modelFolder({ "model.js": ECHO }, { inputs: FLOATS.inputs });
    await assert.rejects(load(folder.source), {
      code: "invalid-argument",
      message: 'Cannot load model "m": its configuration has no outputs, a script needs them',
    });
  },
);

Deno.test({ name: "script: loading that is given up throws the reason", ignore }, async () => {
  const script = `export const load = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    export const predict = load;`;
  await using folder = await modelFolder({ "model.js": script }, FLOATS);
  const controller = new AbortController();
  const reason = new Error("given up");
  const loading = load(folder.source, controller.signal);
  controller.abort(reason);
  await assert.rejects(loading, reason);
});

Deno.test(
  { name: "script: text that is none is refused unless bytes are asked for", ignore },
  async () => {
    const input: Tensor = { name: "x", datatype: "BYTES", shape: [1], data: [Uint8Array.of(0xff)] };
    const source = alike("BYTES", [-1]);
    await using folder = await modelFolder({ "model.js": ECHO }, source);
    const { model } = await load(folder.source);
    await assert.rejects(async () => await model.predict([input]), {
      code: "invalid-argument",
      message: /^Cannot predict with model "m": element 0 of input "x" is not UTF-8 text/,
    });
    const { model: binary } = await load({ ...folder.source, options: { bytes: "binary" } });
    assert.deepEqual(await binary.predict([input]), [{ ...input, name: "y" }]);
  },
);

interface Loaded {
  readonly model: Model;
  readonly entries: PlatformLogEntry[];
  readonly statistics: RecordedStatistics;
}

async function load(source: ModelSource, signal = new AbortController().signal): Promise<Loaded> {
  const entries: PlatformLogEntry[] = [];
  const statistics = new RecordedStatistics();
  const log = (entry: PlatformLogEntry) => entries.push(entry);
  const platform = scriptPlatform({ log, statistics, libraryFolder: undefined });
  return { model: await platform.load(source, signal), entries, statistics };
}

function tensor(datatype: Datatype, shape: readonly number[], data: unknown): Tensor {
  return { name: "x", datatype, shape, data } as Tensor;
}

function floats(...values: number[]): Tensor {
  return tensor("FP32", [values.length], Float32Array.from(values));
}

/** Four elements of any bits; not a number only as its usual bits, as a script sees no others. */
function elementsOf(datatype: Datatype, bits: Uint8Array): unknown {
  if (datatype === "BYTES") return [0, 1, 2, 3].map((index) => bits.slice(index, index * 3));
  const held = datatype === "BOOL" ? bits.map((bit) => bit & 1) : bits;
  const elements = viewElements(datatype, held.slice().buffer, 0, 4);
  if (datatype === "FP32" || datatype === "FP64") {
    return (elements as Float32Array).map((value) => Number.isNaN(value) ? NaN : value);
  }
  if (datatype !== "FP16" && datatype !== "BF16") return elements;
  const exponent = datatype === "FP16" ? 0x7c00 : 0x7f80;
  return (elements as Uint16Array).map((half) =>
    (half & 0x7fff) > exponent ? exponent | ((exponent & 0x40) === 0 ? 0x200 : 0x40) : half
  );
}
