import { z } from "zod";
import { OperationError } from "../errors.ts";
import type { Model, ModelSource, Platform } from "../inference/model.ts";
import type { TensorSpec } from "../tensor/tensor.ts";
import { agreedSpecs } from "./agreed_specs.ts";
import { datatypeOf } from "./onnx_elements.ts";
import { OnnxModel } from "./onnx_model.ts";
import type { OnnxPort, OnnxRuntime, OnnxSession } from "./onnx_runtime.ts";
import { parseOptions } from "./options.ts";
import type { PlatformLog } from "./platform_log.ts";

const MODEL_FILE = "model.onnx";

/** Threads of one model; onnxruntime makes one for each core of a large machine at most. */
const THREADS_MAX = 256;

/** A model's own options of this platform. */
const optionsSchema = z.strictObject({
  /** Which build of onnxruntime; "auto" takes node where it loads, else web. */
  runtime: z.enum(["auto", "node", "web"], { error: '"auto", "node" or "web"' }).default("auto"),
  /** That compute one operation together; the web build has one. */
  threads: z.int({ error: `an integer from 1 to ${THREADS_MAX}` })
    .min(1, { error: `an integer from 1 to ${THREADS_MAX}` })
    .max(THREADS_MAX, { error: `an integer from 1 to ${THREADS_MAX}` })
    .default(1),
  /** In the order in which each is asked for every operation. One that is not there is an error. */
  executionProviders: z.array(z.string({ error: "a name" }), { error: "a list of names" })
    .min(1, { error: "at least one name" })
    .default(["cpu"]),
  graphOptimization: z.enum(["disabled", "basic", "extended", "all"], {
    error: '"disabled", "basic", "extended" or "all"',
  }).default("all"),
}, { error: "an object" });

type OnnxOptions = z.infer<typeof optionsSchema>;

/** What the platform needs of whoever composes the program. */
export interface OnnxPlatformOptions {
  /**
   * A folder with onnxruntime's own files, absolute: onnxruntime_binding.node with the library beside it,
   * and ort-wasm-simd-threaded.wasm. Undefined for those of the npm packages, which a compiled binary lacks.
   */
  readonly libraryFolder: string | undefined;
  readonly log: PlatformLog;
}

/**
 * Models in ONNX files: `model.onnx`, with files of external data beside it.
 *
 * An execution provider that the runtime lacks is an error: whoever asks for a GPU would not want to find out
 * from latencies that there was none. A list such as `["cuda", "cpu"]` gives the operations that the first
 * cannot compute to the next.
 *
 * BF16, sequences, maps and sparse tensors are refused at load: onnxruntime's JavaScript has no memory for
 * them.
 */
export function onnxPlatform({ libraryFolder, log }: OnnxPlatformOptions): Platform {
  return {
    async load(source: ModelSource, signal: AbortSignal): Promise<Model> {
      const options = parseOptions(optionsSchema, source);
      const file = `${source.folder}/${MODEL_FILE}`;
      await requireFile(source, file);
      const { runtime, why } = await chooseRuntime(source, options, libraryFolder);
      signal.throwIfAborted();
      const session = await open(source, runtime, { ...options, file });
      try {
        signal.throwIfAborted();
        const metadata = {
          inputs: specsOf(source, "input", session.inputs, source.inputs),
          outputs: specsOf(source, "output", session.outputs, source.outputs),
        };
        const { name: model, version } = source;
        log({ level: "info", model, version, message: `uses onnxruntime-${runtime.name}${why}` });
        return new OnnxModel(model, metadata, runtime, session);
      } catch (error) {
        await session.release();
        throw error;
      }
    },
  };
}

async function requireFile({ name }: ModelSource, file: string): Promise<void> {
  try {
    if ((await Deno.stat(file)).isFile) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new OperationError("not-found", `Cannot load model "${name}": there is no file ${file}`);
}

/** The build that the options ask for, and why it is not the one that is tried first. */
async function chooseRuntime(
  { name }: ModelSource,
  { runtime }: OnnxOptions,
  libraryFolder: string | undefined,
): Promise<{ readonly runtime: OnnxRuntime; readonly why: string }> {
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
