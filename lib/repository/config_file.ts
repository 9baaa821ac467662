import { OperationError } from "../errors.ts";
import { MODEL_CONFIG_BYTES_MAX } from "../limits.ts";
import { configIssue } from "./config_issue.ts";
import { modelConfigSchema } from "./config_schema.ts";
import { parseJsonText } from "./json_text.ts";
import type { ModelConfig } from "./model_config.ts";
import { readFailure, readUpTo } from "./read_file.ts";

/**
 * The configuration in the text of a model.json.
 *
 * @param file its name, for error messages
 * @throws {OperationError} `invalid-argument` naming the file and the line and column that is no JSON, or
 *   the key, what was found there and what is needed
 *
 * @example
 * ```ts
 * import { parseModelConfig } from "./config_file.ts";
 * const config = parseModelConfig(`{"platform": "onnx", "batching": {}}`, "models/iris/model.json");
 * if (config.batching?.maxBatchSize !== 32) throw new Error("Wrong default");
 * ```
 */
export function parseModelConfig(text: string, file: string): ModelConfig {
  const parsed = parseJsonText(text);
  if ("problem" in parsed) throw unreadable(file, parsed.problem);
  const config = modelConfigSchema.safeParse(parsed.value);
  if (!config.success) throw unreadable(file, configIssue(config.error, parsed.value));
  return config.data;
}

/**
 * The configuration in the file at `path`; needs permission to read it.
 *
 * @param name of the file, for error messages
 * @throws {OperationError} `not-found` when there is no such file; `invalid-argument` when it cannot be
 *   read, is too large, is not UTF-8, or as `parseModelConfig` says
 */
export async function readModelConfig(path: string, name: string): Promise<ModelConfig> {
  let bytes: Uint8Array;
  try {
    bytes = await readUpTo(path, MODEL_CONFIG_BYTES_MAX + 1);
  } catch (error) {
    const code = error instanceof Deno.errors.NotFound ? "not-found" : "invalid-argument";
    const reason = readFailure(error);
    throw new OperationError(code, `Cannot read ${name}: ${reason}`, { cause: error });
  }
  if (bytes.length > MODEL_CONFIG_BYTES_MAX) {
    throw unreadable(name, `it is larger than ${MODEL_CONFIG_BYTES_MAX} bytes`);
  }
  return parseModelConfig(decode(bytes, name), name);
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new OperationError("invalid-argument", `Cannot read ${name}: it is not UTF-8`, {
      cause: error,
    });
  }
}

function unreadable(file: string, reason: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read ${file}: ${reason}`);
}
