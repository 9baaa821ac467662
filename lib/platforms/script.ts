import { messageOf, OperationError } from "../errors.ts";
import type { Model, ModelMetadata, ModelSource, Platform } from "../inference/model.ts";
import { parseOptions } from "./options.ts";
import type { PlatformLog } from "./platform_log.ts";
import type { RecordedStatistics } from "./recorded_statistics.ts";
import type { Context, Environment } from "./script_api.ts";
import { confineThread, giveUpLibraries } from "./script_confines.ts";
import { decodeScriptImage } from "./script_image.ts";
import { scriptLogger } from "./script_logger.ts";
import { type ScriptHooks, ScriptInputError, ScriptModel } from "./script_model.ts";
import { ScriptModules } from "./script_modules.ts";
import { loadScriptOnnx, ScriptOnnx } from "./script_onnx.ts";
import { type ScriptOptions, scriptOptionsSchema } from "./script_options.ts";

const MODEL_FILES = ["model.ts", "model.js"];

/** What the platform needs of whoever composes the program. */
export interface ScriptPlatformOptions {
  readonly log: PlatformLog;
  /** Of the one script that this thread loads. */
  readonly statistics: RecordedStatistics;
  /** onnxruntime's, if its files stand outside of its packages. */
  readonly libraryFolder: string | undefined;
}

/**
 * Models that are a user's code: `model.ts` or `model.js`, against `script_api.ts`.
 *
 * Each belongs into a worker of its own, made with what `instancePermissions` says: a script has the permissions
 * of the thread that loads it. There `load` takes from the thread what makes code of text, and native libraries
 * once onnxruntime is loaded.
 */
export function scriptPlatform(
  { log, statistics, libraryFolder }: ScriptPlatformOptions,
): Platform {
  return {
    async load(source: ModelSource, signal: AbortSignal): Promise<Model> {
      const options = parseOptions(scriptOptionsSchema, source);
      const metadata = metadataOf(source);
      const modules = new ScriptModules(source.folder);
      const file = await findFile(source);
      const url = await modules.link(file).catch((error) => {
        throw named(source.name, error);
      });
      const onnx = new ScriptOnnx(
        source,
        await loadScriptOnnx(source, options.onnx, libraryFolder, log),
      );
      signal.throwIfAborted();
      if (options.permissions.ffi === undefined) giveUpLibraries();
      confineThread();
      const ended = new AbortController();
      const contextSignal = AbortSignal.any([signal, ended.signal]);
      const describe = (error: unknown) => describeError(error, modules);
      const end = async () => {
        ended.abort();
        await onnx.close();
      };
      try {
        const hooks = hooksOf(await import(url), source.name, file);
        const environment = environmentOf(source, options);
        const context: Context = {
          model: undefined,
          environment,
          logger: scriptLogger(source, log),
          recordStatistic: (figures) => statistics.record(figures),
          inputError: (message) => new ScriptInputError(message),
          openOnnx: (file) => onnx.open(file, ended.signal),
          decodeImage: decodeScriptImage,
          signal: contextSignal,
        };
        const model = await hooks.load?.(context);
        signal.throwIfAborted();
        return new ScriptModel({
          name: source.name,
          metadata,
          hooks,
          context: { ...context, model, signal: ended.signal },
          bytesForm: options.bytes,
          describe,
          end,
        });
      } catch (cause) {
        await end();
        signal.throwIfAborted();
        if (cause instanceof OperationError) throw cause;
        const message = `Cannot load model "${source.name}": ${describe(cause)}`;
        throw new OperationError("invalid-argument", message, { cause });
      }
    },
  };
}

/** A script cannot tell what it takes and gives, so the configuration has to. */
function metadataOf({ name, inputs, outputs }: ModelSource): ModelMetadata {
  for (const [kind, specs] of [["inputs", inputs], ["outputs", outputs]] as const) {
    if (specs !== undefined && specs.length > 0) continue;
    const message =
      `Cannot load model "${name}": its configuration has no ${kind}, a script needs them`;
    throw new OperationError("invalid-argument", message);
  }
  return { inputs: inputs ?? [], outputs: outputs ?? [] };
}

async function findFile({ name, folder }: ModelSource): Promise<string> {
  for (const file of MODEL_FILES) {
    try {
      await Deno.stat(`${folder}/${file}`);
      return file;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new OperationError(
    "not-found",
    `Cannot load model "${name}": there is no ${MODEL_FILES.join(" or ")} in ${folder}`,
  );
}

function environmentOf(
  { name, version, folder }: ModelSource,
  options: ScriptOptions,
): Environment {
  return { name, version, folder, device: options.device, tempFolder: options.tempFolder };
}

function hooksOf(module: Record<string, unknown>, name: string, file: string): ScriptHooks {
  for (const hook of ["load", "predict", "unload"]) {
    const found = module[hook];
    if (typeof found === "function" || (found === undefined && hook !== "predict")) continue;
    const what = found === undefined ? "nothing" : `a ${typeof found}`;
    throw new OperationError(
      "invalid-argument",
      `Cannot load model "${name}": ${file} exports ${what} as ${hook}, needs a function`,
    );
  }
  return module as unknown as ScriptHooks;
}

function named(model: string, error: unknown): unknown {
  if (!(error instanceof OperationError)) return error;
  return new OperationError(error.code, `Cannot load model "${model}": ${error.message}`, {
    cause: error,
  });
}

/** Empty where there is none: a script's own error may have anything in its place. */
function stackOf(error: Error): string {
  try {
    return typeof error.stack === "string" ? error.stack : "";
  } catch {
    return "";
  }
}

/** What was thrown, and where in the user's files; the error's own stack is told in them as well. */
function describeError(error: unknown, modules: ScriptModules): string {
  if (!(error instanceof Error)) return `${messageOf(error)} was thrown, which is no Error`;
  const message = modules.withFiles(messageOf(error));
  const stack = modules.withFiles(stackOf(error));
  // Not by assignment, which throws where an error is frozen.
  Reflect.set(error, "stack", stack);
  const place = /\(?([^\s()]+\.m?[tj]s:\d+:\d+)\)?$/m;
  const frame = stack.split("\n").filter((line) => /^\s+at /.test(line))
    .map((line) => place.exec(line)?.[1])
    .find((found) => found !== undefined && !found.includes("://") && !found.startsWith("ext:"));
  if (frame === undefined || message.includes(frame)) return message;
  return `${message} (${frame})`;
}
