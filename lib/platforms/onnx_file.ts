import { OperationError } from "../errors.ts";
import type { ModelSource } from "../inference/model.ts";
import type { TensorSpec } from "../tensor/tensor.ts";
import { agreedSpecs } from "./agreed_specs.ts";
import { datatypeOf } from "./onnx_elements.ts";
import { OnnxModel } from "./onnx_model.ts";
import type { OnnxOptions } from "./onnx_options.ts";
import type { OnnxPort, OnnxRuntime, OnnxSession } from "./onnx_runtime.ts";

/** A build of onnxruntime in this thread. */
export interface ChosenRuntime {
  readonly runtime: OnnxRuntime;
  /** Why it is not the one that is tried first, for the log; empty where it is. */
  readonly why: string;
}

/** @throws {OperationError} `not-found` when there is no such file */
export async function requireOnnxFile(
  { name }: Pick<ModelSource, "name">,
  file: string,
): Promise<void> {
  try {
    if ((await Deno.stat(file)).isFile) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new OperationError("not-found", `Cannot load model "${name}": there is no file ${file}`);
}

/**
 * Loads the build that the options ask for.
 *
 * @throws {OperationError} `failed-precondition` saying why each that was tried did not load
 */
export async function chooseOnnxRuntime(
  { name }: Pick<ModelSource, "name">,
  { runtime }: Pick<OnnxOptions, "runtime">,
  libraryFolder: string | undefined,
): Promise<ChosenRuntime> {
  const failures: string[] = [];
  for (const build of runtime === "auto" ? ["node", "web"] : [runtime]) {
    try {
      const why = failures.length === 0 ? "" : `, since ${failures}`;
      return { runtime: await loadBuild(build, libraryFolder), why };
    } catch (error) {
      failures.push(`onnxruntime-${build} did not load: ${firstLine(wordsOf(error))}`);
    }
  }
  throw new OperationError(
    "failed-precondition",
    `Cannot load model "${name}": ${failures.join("; ")}`,
  );
}

/** Not before a model needs it: each costs tens of milliseconds and megabytes. */
async function loadBuild(build: string, libraryFolder: string | undefined): Promise<OnnxRuntime> {
  if (build === "web") return await (await import("./onnx_web.ts")).loadOnnxWeb(libraryFolder);
  return await (await import("./onnx_node.ts")).loadOnnxNode(libraryFolder);
}

/**
 * Reads an ONNX file.
 *
 * @param file absolute
 * @throws {OperationError} `invalid-argument` with onnxruntime's words, or naming an input or output of a kind
 *   that we have no tensors for, or that the configuration says otherwise of
 */
export async function openOnnxModel(
  source: ModelSource,
  file: string,
  runtime: OnnxRuntime,
  options: OnnxOptions,
  signal: AbortSignal,
): Promise<OnnxModel> {
  const session = await open(source, runtime, { ...options, file });
  try {
    signal.throwIfAborted();
    const metadata = {
      inputs: specsOf(source, "input", session.inputs, source.inputs),
      outputs: specsOf(source, "output", session.outputs, source.outputs),
    };
    return new OnnxModel(source.name, metadata, runtime, session);
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function open(
  { name }: ModelSource,
  runtime: OnnxRuntime,
  options: OnnxOptions & { readonly file: string },
): Promise<OnnxSession> {
  try {
    return await runtime.open(options);
  } catch (error) {
    throw new OperationError(
      "invalid-argument",
      `Cannot load model "${name}" from ${options.file} on ${options.executionProviders}: ${
        wordsOf(error)
      }`,
      { cause: error },
    );
  }
}

function specsOf(
  { name: model }: ModelSource,
  kind: "input" | "output",
  ports: readonly OnnxPort[],
  configured: readonly TensorSpec[] | undefined,
): readonly TensorSpec[] {
  const told = ports.map(({ name, isTensor, element, shape }): TensorSpec => {
    const datatype = element === undefined ? undefined : datatypeOf(element);
    if (isTensor && datatype !== undefined) return { name, datatype, shape };
    const found = isTensor ? `a tensor of ONNX's datatype ${element}` : "no dense tensor";
    throw new OperationError(
      "invalid-argument",
      `Cannot load model "${model}": its ${kind} "${name}" is ${found}, needs a tensor of a datatype that ` +
        "onnxruntime's JavaScript has (not BF16, no sequences, maps or sparse tensors)",
    );
  });
  return agreedSpecs(model, kind, told, configured);
}

/** The others are of interest to whoever wrote the loader. */
function firstLine(text: string): string {
  return text.split("\n", 1)[0];
}

function wordsOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}
