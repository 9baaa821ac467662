import { OperationError } from "../errors.ts";
import type { ServiceRegistry } from "../grpc/service.ts";
import type {
  FactRequest,
  FactResponse,
  NumStoreMethods,
  SetNumRequest,
  SetNumResponse,
} from "./numstore_contract.ts";
import { statusOfError } from "./status_of_error.ts";

/** What answers NumStore's calls. */
export interface NumStoreBackend {
  /** Returns the new total; throws OperationError when the number is refused. */
  setNum(key: string, value: bigint): bigint;
  /** Throws OperationError when there is no factorial for the key. */
  fact(key: string): { readonly value: bigint; readonly hit: boolean };
}

/**
 * Adds `service NumStore` to a registry.
 *
 * What is wrong with a Fact stands in its response's `error`, under the status OK. A SetNum that is
 * refused ends with a status.
 *
 * Source: spec numstore, "Semantics".
 */
export function addNumStore(
  registry: ServiceRegistry,
  methods: NumStoreMethods,
  backend: NumStoreBackend,
): void {
  registry.add(methods.setNum, (request) => setNum(backend, request));
  registry.add(methods.fact, (request) => fact(backend, request));
}

function setNum(backend: NumStoreBackend, { key, value }: SetNumRequest): SetNumResponse {
  try {
    return { total: backend.setNum(key, value) };
  } catch (error) {
    throw statusOfError(error);
  }
}

function fact(backend: NumStoreBackend, { key }: FactRequest): FactResponse {
  try {
    const { value, hit } = backend.fact(key);
    return { value, hit, error: "" };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return { value: 0n, hit: false, error: error.message };
  }
}
