import type { InferenceSession } from "onnxruntime-common";
import {
  type OnnxPort,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxSessionOptions,
  type OnnxTensor,
  removeFloat16Array,
} from "./onnx_runtime.ts";

const WASM_FILE = "ort-wasm-simd-threaded.wasm";

/** What this build calls the processor; "cpu" is onnxruntime-node's name of it. */
const PROVIDERS = ["cpu", "wasm"];

/** A WASM module addresses 4 GiB, and a model stands in it beside its tensors. */
const FILES_BYTES_MAX = 2 ** 31;

/**
 * onnxruntime-web in this thread: WASM on this one thread.
 *
 * Needs permission to read `libraryFolder`, and no other.
 *
 * @param libraryFolder where the WASM file stands; undefined for the package's own
 * @throws {Error} when the WASM file cannot be read
 */
export async function loadOnnxWeb(libraryFolder: string | undefined): Promise<OnnxRuntime> {
  removeFloat16Array();
  const { InferenceSession, Tensor, env } = await import("onnxruntime-web");
  const wasm = libraryFolder === undefined
    ? await loadPackaged()
    : await Deno.readFile(`${libraryFolder}/${WASM_FILE}`);
  env.wasm.wasmBinary = wasm;
  // Its further threads would be workers of its own, which see neither our limits nor our permissions.
  env.wasm.numThreads = 1;
  env.logLevel = "fatal";
  return {
    name: "web",
    takesSharedMemory: true,
    writesToOutputs: false,
    tensor: (element, data, dims) => new Tensor(element, data as string[], dims) as OnnxTensor,
    open: async (options) => {
      const missing = options.executionProviders.find((name) => !PROVIDERS.includes(name));
      if (missing !== undefined) {
        throw new Error(`onnxruntime-web has no execution provider "${missing}", it has cpu`);
      }
      const model = await Deno.readFile(options.file);
      return openSession(
        await InferenceSession.create(model, {
          executionProviders: ["wasm"],
          graphOptimizationLevel: options.graphOptimization,
          externalData: await readExternalData(options, model.length),
        }),
      );
    },
  };
}

async function loadPackaged(): Promise<Uint8Array> {
  const loaded = await import("onnxruntime-web/ort-wasm-simd-threaded.wasm", {
    with: { type: "bytes" },
  });
  return loaded.default;
}

/** The files beside the model's: which of them it names is known only once it is read, and then it is late. */
async function readExternalData({ file }: OnnxSessionOptions, modelBytes: number) {
  const folder = file.slice(0, file.lastIndexOf("/"));
  const files: { path: string; data: Uint8Array }[] = [];
  let bytes = modelBytes;
  for await (const { name, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (!isFile || path === file) continue;
    bytes += (await Deno.stat(path)).size;
    if (bytes > FILES_BYTES_MAX) {
      throw new Error(
        `onnxruntime-web cannot hold ${bytes} bytes of files, only ${FILES_BYTES_MAX}`,
      );
    }
    files.push({ path: name, data: await Deno.readFile(path) });
  }
  return files;
}

function openSession(session: InferenceSession): OnnxSession {
  return {
    inputs: session.inputMetadata.map(portOf),
    outputs: session.outputMetadata.map(portOf),
    run: async (feeds) => await session.run(feeds as InferenceSession.FeedsType) as Outputs,
    release: () => session.release(),
  };
}

type Outputs = Readonly<Record<string, OnnxTensor>>;

function portOf(port: InferenceSession.ValueMetadata): OnnxPort {
  if (!port.isTensor) return { name: port.name, isTensor: false, element: undefined, shape: [] };
  const shape = port.shape.map((size) => typeof size === "number" ? size : -1);
  return { name: port.name, isTensor: true, element: port.type, shape };
}
