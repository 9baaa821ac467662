import type { Model, ModelSource, Platform } from "../inference/model.ts";
import { chooseOnnxRuntime, openOnnxModel, requireOnnxFile } from "./onnx_file.ts";
import { onnxOptionsSchema } from "./onnx_options.ts";
import { parseOptions } from "./options.ts";
import type { PlatformLog } from "./platform_log.ts";

const MODEL_FILE = "model.onnx";

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
      const options = parseOptions(onnxOptionsSchema, source);
      const file = `${source.folder}/${MODEL_FILE}`;
      await requireOnnxFile(source, file);
      const { runtime, why } = await chooseOnnxRuntime(source, options, libraryFolder);
      signal.throwIfAborted();
      const model = await openOnnxModel(source, file, runtime, options, signal);
      const { name, version } = source;
      log({
        level: "info",
        model: name,
        version,
        message: `uses onnxruntime-${runtime.name}${why}`,
      });
      return model;
    },
  };
}
