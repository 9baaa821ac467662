/**
 * One call of a workload, in the shape that a workload file has, but that int64 numbers are bigint.
 *
 * Whoever made the arrays owns them and may use them again in later requests; nobody else writes
 * to them.
 *
 * Shapes: `coefs` and `inputs` are [n]; every number fits in a float32, which is what is sent.
 *
 * Source: spec modelserver and spec numstore, "Client".
 */
export type WorkloadRequest = ModelServerRequest | NumStoreRequest;

/** A call of ModelServer. */
export type ModelServerRequest =
  | { readonly type: "SetCoefs"; readonly value: { readonly coefs: readonly number[] } }
  | { readonly type: "Predict"; readonly value: { readonly inputs: readonly number[] } };

/** A call of NumStore. */
export type NumStoreRequest =
  | { readonly type: "SetNum"; readonly value: { readonly key: string; readonly value: bigint } }
  | { readonly type: "Fact"; readonly value: { readonly key: string } };
