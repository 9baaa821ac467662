import { z } from "zod";
import { MLP_LAYERS_MAX } from "../limits.ts";
import { optionsOf, strictOptions } from "./strict_options.ts";

const name = z.string({ error: "expected the name of a tensor" });

const activation = z.enum(["relu", "sigmoid", "tanh", "none"], {
  error: 'expected "relu", "sigmoid", "tanh" or "none"',
});

const layer = strictOptions({ weight: name, bias: name.optional(), activation }, "a layer");

const options = strictOptions({
  layers: z.array(layer, { error: "expected an array of layers" })
    .min(1, "expected at least one layer")
    .max(MLP_LAYERS_MAX, `expected at most ${MLP_LAYERS_MAX} layers`)
    .optional(),
}, "the options");

/** A layer as the options name it; without a bias it has none. */
export type LayerOption = z.infer<typeof layer>;

/**
 * The layers that a model's options name.
 *
 * @returns undefined when they are to be inferred from the names of the tensors
 * @throws {OperationError} `invalid-argument` naming the model, the option and what is wrong with it
 */
export function mlpLayerOptions(
  model: string,
  given: Readonly<Record<string, unknown>>,
): readonly LayerOption[] | undefined {
  return optionsOf(model, options, given).layers;
}
