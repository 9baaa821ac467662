import type { Model } from "../inference/model.ts";
import { DotProductModel, type LinearDefinition } from "./dot_product_model.ts";
import { type MlpDefinition, mlpOperations } from "./mlp_definition.ts";
import { MlpModel } from "./mlp_model.ts";

/** A model that each thread makes for itself, without reading a file; goes by `postMessage`. */
export type InlineDefinition =
  | { readonly kind: "linear"; readonly definition: LinearDefinition }
  | { readonly kind: "mlp"; readonly definition: MlpDefinition };

/**
 * What other threads make the same model of; undefined for a model that is of no such kind, or that takes
 * more than `operationsMax` multiply-adds a row.
 */
export function inlineDefinitionOf(
  model: Model,
  operationsMax: number,
): InlineDefinition | undefined {
  if (model instanceof DotProductModel) {
    const { definition } = model;
    return definition.coefs.length > operationsMax ? undefined : { kind: "linear", definition };
  }
  if (model instanceof MlpModel) {
    const { definition } = model;
    return mlpOperations(definition) > operationsMax ? undefined : { kind: "mlp", definition };
  }
  return undefined;
}

/** This thread's own model. */
export function openInline({ kind, definition }: InlineDefinition): Model {
  return kind === "linear" ? new DotProductModel(definition) : new MlpModel(definition);
}
