import { WORKLOAD_CALL_TIMEOUT_MS } from "../limits.ts";
import type { ModelServerCaller } from "../workload/closed_loop.ts";
import type { ModelServerClient } from "./modelserver_client.ts";

/** A server that stops answering ends a run rather than holding it for ever. */
export const WORKLOAD_CALL = { timeoutMs: WORKLOAD_CALL_TIMEOUT_MS } as const;

/** A ModelServer client as workloads call it. */
export function modelServerCaller(client: ModelServerClient): ModelServerCaller {
  return {
    setCoefs: (coefs) => client.setCoefs(coefs, WORKLOAD_CALL),
    predict: async (inputs) => {
      const { output, cache_hit, error } = await client.predict(inputs, WORKLOAD_CALL);
      return { output, cacheHit: cache_hit, error };
    },
  };
}
