import { OperationError } from "../errors.ts";
import { WEIGHTS_BASE64_BYTES_MAX, WEIGHTS_FILE_BYTES_MAX } from "../limits.ts";
import type { FixedTensor } from "../tensor/tensor.ts";
import { decodeBase64Line } from "../weights/base64_line.ts";
import { readSafetensors } from "../weights/safetensors.ts";
import { readStateDict } from "../weights/state_dict.ts";
import { cannotLoad } from "./load_error.ts";
import { readModelFile } from "./model_file.ts";

/** What is read of a version's folder; other files may stand beside it. */
const NAMES = /^(?:model\.(?:safetensors|pt|pth)|.+\.b64)$/;

/** The tensors of a file of weights. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, FixedTensor>;
  /** Whether they stand in the order in which they were given to the file's writer. */
  readonly isOrdered: boolean;
}

/**
 * The tensors of the file of weights in a version's folder: `model.safetensors`, `model.pt`, `model.pth` or
 * the one that ends in `.b64`.
 *
 * @param model for error messages
 * @throws {OperationError} `not-found` when there is none; `invalid-argument` when there are several or it
 *   cannot be read
 */
export async function readWeightsFile(
  model: string,
  folder: string,
  signal: AbortSignal,
): Promise<Weights> {
  const name = await findWeights(model, folder);
  signal.throwIfAborted();
  const bytesMax = name.endsWith(".b64") ? WEIGHTS_BASE64_BYTES_MAX : WEIGHTS_FILE_BYTES_MAX;
  const bytes = await readModelFile(model, folder, name, bytesMax, signal);
  try {
    if (name.endsWith(".safetensors")) {
      return { tensors: readSafetensors(bytes).tensors, isOrdered: false };
    }
    const zip = name.endsWith(".b64") ? decodeBase64Line(ascii.decode(bytes)) : bytes;
    return { tensors: readStateDict(zip), isOrdered: true };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw cannotLoad(model, `${name}: ${error.message}`, { cause: error });
  }
}

/** Other bytes become characters that base64 does not have. */
const ascii = new TextDecoder("latin1");

async function findWeights(model: string, folder: string): Promise<string> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && NAMES.test(name)) found.push(name);
    }
  } catch (cause) {
    throw new OperationError(
      "not-found",
      `Cannot load model "${model}": its folder ${folder} cannot be read`,
      { cause },
    );
  }
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw cannotLoad(model, `${found.sort().join(" and ")} in its folder, needs one of them`);
  }
  throw new OperationError(
    "not-found",
    `Cannot load model "${model}": no model.safetensors, model.pt, model.pth or *.b64 in ${folder}`,
  );
}
