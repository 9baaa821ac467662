import type { InferenceBackend } from "../inference/backend.ts";
import { PIPELINE_MODEL } from "../platforms/pipeline_network.ts";

/** What tells a network that serves from others. */
export interface ServedNetwork {
  readonly nnId: string;
  /** Of the model: how many uploads were taken when it was. */
  readonly version: string;
}

/** How the network is told to who asks for its model's configuration; without its weights. */
export function describeNetwork({ nnId, version }: ServedNetwork): Record<string, unknown> {
  return { versions: { named: [version] }, options: { nnId } };
}

/** The network that serves now on this thread; undefined before the first upload. */
export function servedNetwork(
  backend: Pick<InferenceBackend, "isModelReady" | "config">,
): ServedNetwork | undefined {
  if (!backend.isModelReady(PIPELINE_MODEL, undefined)) return undefined;
  // As it was described above.
  const { versions, options } = backend.config(PIPELINE_MODEL, undefined) as unknown as {
    readonly versions: { readonly named: readonly [string] };
    readonly options: { readonly nnId: string };
  };
  return { nnId: options.nnId, version: versions.named[0] };
}
