import { z } from "zod";
import type { ModelSource, Platform } from "../inference/model.ts";
import { COEFS_FILE_BYTES_MAX } from "../limits.ts";
import type { Datatype } from "../tensor/datatype.ts";
import { DotProductModel, type LinearDefinition } from "./dot_product_model.ts";
import { cannotLoad } from "./load_error.ts";
import { readModelFile } from "./model_file.ts";
import { parseOptions } from "./options.ts";
import { checkSpec, nameOf } from "./tensor_specs.ts";

const FILE = "coefs.json";

const options = z.strictObject({});

/**
 * Linear models y = a·x from `coefs.json`, an array of finite numbers. It has no options.
 *
 * Shapes: x (rows, coefficients) FP32, or FP64 where the configuration says so → y (rows,) FP64.
 */
export const linear = {
  async load(source: ModelSource, signal: AbortSignal): Promise<DotProductModel> {
    const { name, inputs, outputs } = source;
    parseOptions(options, source);
    const bytes = await readModelFile(name, source.folder, FILE, COEFS_FILE_BYTES_MAX, signal);
    const coefs = shared(parseCoefs(name, bytes));
    const definition: LinearDefinition = {
      input: {
        name: nameOf(name, "inputs", inputs) ?? "x",
        datatype: datatypeOf(inputs?.[0]?.datatype),
        shape: [-1, coefs.length],
      },
      output: { name: nameOf(name, "outputs", outputs) ?? "y", datatype: "FP64", shape: [-1] },
      coefs,
    };
    checkSpec(name, "inputs", inputs, definition.input);
    checkSpec(name, "outputs", outputs, definition.output);
    return new DotProductModel(definition);
  },
} satisfies Platform;

/** What ModelServer's own calls have, unless the configuration says that it is the other. */
function datatypeOf(named: Datatype | undefined): "FP32" | "FP64" {
  return named === "FP64" ? "FP64" : "FP32";
}

function parseCoefs(model: string, bytes: Uint8Array): readonly number[] {
  let coefs: unknown;
  try {
    coefs = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw cannotLoad(model, `${FILE} is not JSON`, { cause });
  }
  if (!Array.isArray(coefs) || coefs.length === 0) {
    throw cannotLoad(model, `${FILE} is not an array of at least one number`);
  }
  const wrong = coefs.findIndex((coef) => !Number.isFinite(coef));
  if (wrong < 0) return coefs;
  throw cannotLoad(model, `${FILE}: coefficient ${wrong} is not a finite number`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function shared(coefs: readonly number[]): Float64Array {
  const memory = new Float64Array(new SharedArrayBuffer(8 * coefs.length));
  memory.set(coefs);
  return memory;
}
