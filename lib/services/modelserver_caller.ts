import type { ModelServerCaller } from "../workload/closed_loop.ts";
import type { ModelServerClient } from "./modelserver_client.ts";

/** A ModelServer client as workloads call it. */
export function modelServerCaller(client: ModelServerClient): ModelServerCaller {
  return {
    setCoefs: (coefs, signal) => client.setCoefs(coefs, callOptions(signal)),
    predict: async (inputs, signal) => {
      const { output, cache_hit, error } = await client.predict(inputs, callOptions(signal));
      return { output, cacheHit: cache_hit, error };
    },
  };
}

function callOptions(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
