import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { Tensor } from "onnxruntime-common";
import {
  type OnnxPort,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxTensor,
  removeFloat16Array,
} from "./onnx_runtime.ts";

/** What Microsoft's library is called in its package and in a folder of its own. */
const BINDING_FILE = "onnxruntime_binding.node";

/** It logs to stderr, past our log; what fails is thrown as well, so only what ends the process is left. */
const SEVERITY_FATAL = 4;

/** What of the library's N-API is used; onnxruntime-node 1.27.0's own `binding.d.ts` says all of it. */
interface Binding {
  readonly InferenceSession: new () => NativeSession;
  initOrtOnce(severity: number, tensorClass: typeof Tensor, isMainThread: boolean): void;
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
}

interface NativeSession {
  readonly inputMetadata: readonly NativePort[];
  readonly outputMetadata: readonly NativePort[];
  loadModel(file: string, options: Readonly<Record<string, unknown>>): void;
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: Readonly<Record<string, OnnxTensor | null>>,
    options: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, OnnxTensor>>;
  dispose(): void;
}

interface NativePort {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: number;
  readonly shape?: readonly number[];
}

/**
 * onnxruntime-node in this thread.
 *
 * Its binding is called and not its `InferenceSession`, which puts a timer's turn before each call, and whose
 * package a compiled binary would have to carry: 38 MB that each start would read, ONNX or not.
 *
 * Needs permission for FFI, and to read `libraryFolder`.
 *
 * @param libraryFolder where onnxruntime_binding.node stands with the library that it needs; undefined for
 *   the package's own
 * @throws {Error} when the library cannot be loaded: no permission, no such file, another system
 */
export async function loadOnnxNode(libraryFolder: string | undefined): Promise<OnnxRuntime> {
  removeFloat16Array();
  const binding = libraryFolder === undefined
    ? await loadPackaged()
    : createRequire(import.meta.url)(`${libraryFolder}/${BINDING_FILE}`) as Binding;
  initialize(binding);
  return {
    name: "node",
    takesSharedMemory: false,
    writesToOutputs: true,
    tensor: (element, data, dims) => new Tensor(element, data as string[], dims) as OnnxTensor,
    open: ({ file, threads, executionProviders, graphOptimization }) => {
      const offered = binding.listSupportedBackends().map(({ name }) => name);
      const missing = executionProviders.find((name) => !offered.includes(name));
      if (missing !== undefined) {
        throw new Error(
          `onnxruntime-node has no execution provider "${missing}", it has ${offered}`,
        );
      }
      const session = new binding.InferenceSession();
      session.loadModel(file, {
        executionProviders,
        graphOptimizationLevel: graphOptimization,
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: SEVERITY_FATAL,
      });
      return Promise.resolve(openSession(session));
    },
  };
}

/** Bindings that know this thread's tensors: a second time would end the process. */
const initialized = new WeakSet<Binding>();

function initialize(binding: Binding): void {
  if (initialized.has(binding)) return;
  initialized.add(binding);
  binding.initOrtOnce(SEVERITY_FATAL, Tensor, isMainThread);
}

async function loadPackaged(): Promise<Binding> {
  const loaded = await import("onnxruntime-node/dist/binding.js") as unknown as {
    readonly default: { readonly binding: Binding };
  };
  return loaded.default.binding;
}

function openSession(session: NativeSession): OnnxSession {
  const outputs = session.outputMetadata.map(portOf);
  const fetches = Object.fromEntries(
    outputs.map(({ name }) => [name, null]),
  );
  return {
    inputs: session.inputMetadata.map(portOf),
    outputs,
    run: (feeds, into) => session.run(feeds, into ?? fetches, {}),
    release: () => session.dispose(),
  };
}

function portOf({ name, isTensor, type, shape }: NativePort): OnnxPort {
  return { name, isTensor, element: type, shape: shape ?? [] };
}
