import { OperationError } from "../errors.ts";
import type { ModelSource, Platform } from "../inference/model.ts";
import { MlpModel } from "./mlp_model.ts";
import { readNetwork } from "./read_network.ts";

/**
 * The Pipeline's network, of weights that came with an upload rather than in a file.
 *
 * Options: `nnId`, a string, and `weights`, the bytes of the ZIP file. No model.json can say so.
 */
export const pipeline = {
  load({ name, options: { nnId, weights } }: ModelSource): Promise<MlpModel> {
    if (typeof nnId !== "string" || !(weights instanceof Uint8Array)) {
      return Promise.reject(
        new OperationError(
          "invalid-argument",
          `Cannot load model "${name}": its weights have to be uploaded`,
        ),
      );
    }
    return Promise.try(() => new MlpModel(readNetwork(nnId, weights)));
  },
} satisfies Platform;
