import { z } from "zod";
import { MLP_LAYERS_MAX } from "../limits.ts";
import type { ModelSource } from "../inference/model.ts";
import { parseOptions } from "./options.ts";

const NEEDED_LAYERS = `an array of 1 to ${MLP_LAYERS_MAX} layers`;

const name = z.string({ error: "the name of a tensor" });

const activation = z.enum(["relu", "sigmoid", "tanh", "none"], {
  error: '"relu", "sigmoid", "tanh" or "none"',
});

const layer = z.strictObject({ weight: name, bias: name.optional(), activation }, {
  error: "an object with weight, bias and activation",
});

const options = z.strictObject({
  layers: z.array(layer, { error: NEEDED_LAYERS })
    .min(1, NEEDED_LAYERS)
    .max(MLP_LAYERS_MAX, NEEDED_LAYERS)
    .optional(),
});

/** A layer as the options name it; without a bias it has none. */
export type LayerOption = z.infer<typeof layer>;

/**
 * The layers that a model's options name.
 *
 * @returns undefined when they are to be inferred from the names of the tensors
 * @throws {OperationError} `invalid-argument` naming the model, the option and what is wrong with it
 */
export function mlpLayerOptions(
  source: Pick<ModelSource, "name" | "options">,
): readonly LayerOption[] | undefined {
  return parseOptions(options, source).layers;
}
