import type { NumStoreCaller } from "../workload/closed_loop.ts";
import { WORKLOAD_CALL } from "./modelserver_caller.ts";
import type { NumStoreClient } from "./numstore_client.ts";

/** A NumStore client as workloads call it. */
export function numStoreCaller(client: NumStoreClient): NumStoreCaller {
  return {
    setNum: (key, value) => client.setNum(key, value, WORKLOAD_CALL),
    fact: (key) => client.fact(key, WORKLOAD_CALL),
  };
}
