import { OperationError } from "../errors.ts";
import { cannotLoad } from "./load_error.ts";

/**
 * The bytes of a file in a version's folder.
 *
 * @param model for error messages
 * @param signal gives the attempt up; its reason is thrown
 * @throws {OperationError} `not-found` when it is not there; `invalid-argument` when it has more than
 *   `bytesMax`, or cannot be read
 */
export async function readModelFile(
  model: string,
  folder: string,
  name: string,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${folder}/${name}`;
  try {
    const { size } = await Deno.stat(path);
    if (size > bytesMax) {
      throw cannotLoad(model, `${name} has ${size} bytes, at most ${bytesMax} are read`);
    }
    return await Deno.readFile(path, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof OperationError) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      throw new OperationError(
        "not-found",
        `Cannot load model "${model}": no ${name} in ${folder}`,
      );
    }
    throw cannotLoad(model, `${name} cannot be read`, { cause });
  }
}
