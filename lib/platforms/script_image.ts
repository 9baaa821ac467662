import { OperationError } from "../errors.ts";
import { decodeImage } from "../images/decode_image.ts";
import type { DecodedImage } from "./script_api.ts";
import { ScriptInputError } from "./script_model.ts";

/**
 * `decodeImage` as scripts have it.
 *
 * @throws {ScriptInputError} saying what is wrong with the bytes
 * @throws {TypeError} for what is no Uint8Array
 */
export async function decodeScriptImage(bytes: Uint8Array): Promise<DecodedImage> {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`Cannot decode an image: found ${typeof bytes}, needs a Uint8Array`);
  }
  try {
    return await decodeImage(bytes);
  } catch (cause) {
    if (!(cause instanceof OperationError)) throw cause;
    throw new ScriptInputError(cause.message, { cause });
  }
}
