import type { Datatype } from "../tensor/datatype.ts";
import { elementCount, type TensorSpec } from "../tensor/tensor.ts";
import type { Mismatch } from "./config_issue.ts";
import type { ModelConfig, WarmupInput, WarmupSample } from "./model_config.ts";

/** Whether a value of JSON is one of a datatype, and what is needed if it is not. */
interface ElementRule {
  readonly needed: string;
  readonly accepts: (value: unknown) => boolean;
}

/** The first warm-up input that is not as it says itself, or not as the model's inputs say. */
export function checkWarmup({ warmup, inputs }: ModelConfig): Mismatch | undefined {
  for (const [at, sample] of warmup.entries()) {
    const wrong = checkNames(sample, inputs) ?? checkInputs(sample, inputs);
    if (wrong !== undefined) return { ...wrong, path: ["warmup", at, ...wrong.path] };
  }
  return undefined;
}

function checkNames(
  sample: WarmupSample,
  specs: readonly TensorSpec[] | undefined,
): Mismatch | undefined {
  const names = sample.inputs.map(({ name }) => name);
  const again = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (again >= 0) {
    return { path: ["inputs", again, "name"], needed: "a name that is not there twice" };
  }
  const missing = specs?.find(({ name }) => !names.includes(name));
  if (missing === undefined) return undefined;
  return { path: ["inputs"], needed: `the model's input ${JSON.stringify(missing.name)} too` };
}

function checkInputs(
  sample: WarmupSample,
  specs: readonly TensorSpec[] | undefined,
): Mismatch | undefined {
  for (const [index, input] of sample.inputs.entries()) {
    const wrong = checkSpec(input, specs) ?? checkData(input);
    if (wrong !== undefined) return { ...wrong, path: ["inputs", index, ...wrong.path] };
  }
  return undefined;
}

function checkSpec(
  { name, datatype, shape }: WarmupInput,
  specs: readonly TensorSpec[] | undefined,
): Mismatch | undefined {
  if (specs === undefined) return undefined;
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) {
    const names = specs.map((candidate) => JSON.stringify(candidate.name)).join(", ");
    return { path: ["name"], needed: `one of the model's inputs, ${names}` };
  }
  if (datatype !== spec.datatype) {
    return { path: ["datatype"], needed: `${spec.datatype}, as the model's input` };
  }
  const fits = shape.length === spec.shape.length &&
    shape.every((size, axis) => spec.shape[axis] === -1 || spec.shape[axis] === size);
  if (fits) return undefined;
  return { path: ["shape"], needed: `[${spec.shape}], -1 standing for any size` };
}

function checkData({ datatype, shape, data }: WarmupInput): Mismatch | undefined {
  const count = elementCount(shape);
  if (data.length !== count) {
    return { path: ["data", "length"], needed: `${count}, as shape [${shape}] says` };
  }
  const { needed, accepts } = ruleOf(datatype);
  const wrong = data.findIndex((value) => !accepts(value));
  return wrong < 0 ? undefined : { path: ["data", wrong], needed };
}

function ruleOf(datatype: Datatype): ElementRule {
  if (datatype === "BOOL") {
    return { needed: "true or false", accepts: (value) => typeof value === "boolean" };
  }
  if (datatype === "BYTES") {
    const accepts = (value: unknown) => typeof value === "string" && value.isWellFormed();
    return { needed: "a string", accepts };
  }
  const [, unsigned, bits] = /^(U?)INT(\d+)$/.exec(datatype) ?? [];
  if (bits === undefined) return { needed: "a finite number", accepts: Number.isFinite };
  return integerRule(datatype, unsigned === "U", BigInt(bits));
}

function integerRule(datatype: Datatype, isUnsigned: boolean, bits: bigint): ElementRule {
  const min = isUnsigned ? 0n : -(2n ** (bits - 1n));
  const max = 2n ** (isUnsigned ? bits : bits - 1n) - 1n;
  const accepts = (value: unknown) => {
    const isInteger = typeof value === "number" && Number.isSafeInteger(value) ||
      bits === 64n && typeof value === "string" && /^-?\d{1,20}$/.test(value);
    if (!isInteger) return false;
    const number = BigInt(value);
    return number >= min && number <= max;
  };
  const asText = bits === 64n ? ", past 2^53 as a string of digits" : "";
  return { needed: `an integer of ${datatype}, ${min} to ${max}${asText}`, accepts };
}
