import { OperationError } from "../errors.ts";
import type { ModelSource } from "../inference/model.ts";
import { SCRIPT_ONNX_SESSIONS_MAX } from "../limits.ts";
import type { TensorSpec } from "../tensor/tensor.ts";
import { chooseOnnxRuntime, openOnnxModel, requireOnnxFile } from "./onnx_file.ts";
import type { OnnxModel } from "./onnx_model.ts";
import type { OnnxOptions } from "./onnx_options.ts";
import type { OnnxRuntime } from "./onnx_runtime.ts";
import type { PlatformLog } from "./platform_log.ts";
import type { MatrixValue, OnnxSession } from "./script_api.ts";
import { matrixOf, tensorOf } from "./script_matrix.ts";

/** What a script's option `onnx` gave its thread. */
export interface ScriptOnnxRuntime {
  readonly runtime: OnnxRuntime;
  readonly options: OnnxOptions;
}

/**
 * What the option `onnx` asks for; undefined where there is no such option.
 *
 * Loads onnxruntime with the permissions that its thread has for that, so before the script's own code.
 *
 * @throws {OperationError} `failed-precondition` when no build loads
 */
export async function loadScriptOnnx(
  { name, version }: ModelSource,
  options: OnnxOptions | undefined,
  libraryFolder: string | undefined,
  log: PlatformLog,
): Promise<ScriptOnnxRuntime | undefined> {
  if (options === undefined) return undefined;
  const { runtime, why } = await chooseOnnxRuntime({ name }, options, libraryFolder);
  const message = `uses onnxruntime-${runtime.name}${why}`;
  log({ level: "info", model: name, version, message });
  return { runtime, options };
}

/** The ONNX files that one script has open. */
export class ScriptOnnx {
  readonly #source: ModelSource;
  readonly #loaded: ScriptOnnxRuntime | undefined;
  readonly #open = new Set<Session>();
  /** With those that are about to be open. */
  #count = 0;

  /** @param loaded undefined for a script whose configuration says nothing of ONNX */
  constructor(source: ModelSource, loaded: ScriptOnnxRuntime | undefined) {
    // What the configuration says of inputs and outputs is the script's, not of the files that it opens.
    this.#source = { ...source, inputs: undefined, outputs: undefined };
    this.#loaded = loaded;
  }

  /**
   * @param file of the version's folder, by its path there
   * @param signal gives the attempt up
   * @throws {OperationError} `failed-precondition` without the option or with too many open; `not-found` when
   *   there is no such file; `invalid-argument` when it lies elsewhere, or onnxruntime cannot read it
   */
  async open(file: string, signal: AbortSignal): Promise<OnnxSession> {
    const { name, folder } = this.#source;
    if (this.#loaded === undefined) {
      throw refusal("failed-precondition", file, name, 'its options need "onnx": true');
    }
    // onnxruntime reads files itself, without asking for permission.
    if (typeof file !== "string" || file.startsWith("/") || file.split("/").includes("..")) {
      throw refusal("invalid-argument", file, name, "needs a path in the version's folder");
    }
    if (this.#count >= SCRIPT_ONNX_SESSIONS_MAX) {
      const why = `${this.#count} are open, one has to be released first`;
      throw refusal("failed-precondition", file, name, why);
    }
    this.#count++;
    try {
      const path = `${folder}/${file}`;
      await requireOnnxFile({ name }, path);
      const { runtime, options } = this.#loaded;
      const model = await openOnnxModel(this.#source, path, runtime, options, signal);
      const session = new Session(file, model, () => this.#forget(session));
      this.#open.add(session);
      return session;
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  /** Ends what the script has left open. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((session) => session.release()));
  }

  #forget(session: Session): void {
    this.#open.delete(session);
    this.#count--;
  }
}

class Session implements OnnxSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #file: string;
  readonly #model: OnnxModel;
  readonly #forget: () => void;
  /** Settles when the run before has ended: onnxruntime-web takes one at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #released: Promise<void> | undefined;

  constructor(file: string, model: OnnxModel, forget: () => void) {
    this.#file = file;
    this.#model = model;
    this.#forget = forget;
    this.inputs = model.metadata.inputs;
    this.outputs = model.metadata.outputs;
  }

  run(
    inputs: Readonly<Record<string, MatrixValue>>,
  ): Promise<Readonly<Record<string, MatrixValue>>> {
    if (this.#released !== undefined) {
      return Promise.reject(new TypeError(`Cannot run ${this.#file}: it was released`));
    }
    const run = this.#last.then(() => this.#run(inputs));
    this.#last = run.catch(() => {});
    return run;
  }

  release(): Promise<void> {
    this.#released ??= this.#last.then(() => {
      this.#forget();
      return this.#model.unload();
    });
    return this.#released;
  }

  async #run(inputs: Readonly<Record<string, MatrixValue>>) {
    const stranger = Object.keys(inputs).find((name) =>
      this.inputs.every((spec) => spec.name !== name)
    );
    if (stranger !== undefined) {
      const names = this.inputs.map(({ name }) => `"${name}"`).join(", ");
      throw new TypeError(
        `Cannot run ${this.#file}: it has no input "${stranger}", it has ${names}`,
      );
    }
    const tensors = this.inputs.map((spec) => tensorOf(this.#file, spec, inputs[spec.name]));
    const outputs = await this.#model.predict(tensors);
    return Object.fromEntries(outputs.map((output) => [output.name, matrixOf(output)]));
  }
}

function refusal(
  code: "failed-precondition" | "invalid-argument",
  file: string,
  model: string,
  why: string,
): OperationError {
  return new OperationError(code, `Cannot open ${file} of model "${model}": ${why}`);
}
