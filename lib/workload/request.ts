/**
 * One call of a workload, in the shape that a workload file has.
 *
 * Whoever made the arrays owns them and may use them again in later requests; nobody else writes
 * to them.
 *
 * Shapes: `coefs` and `inputs` are [n]; every number fits in a float32, which is what is sent.
 *
 * Source: spec modelserver, "Client".
 */
export type WorkloadRequest =
  | { readonly type: "SetCoefs"; readonly value: { readonly coefs: readonly number[] } }
  | { readonly type: "Predict"; readonly value: { readonly inputs: readonly number[] } };
