import { OperationError } from "../errors.ts";
import type { ServiceRegistry } from "../grpc/service.ts";
import type {
  ModelServerMethods,
  PredictRequest,
  PredictResponse,
  SetCoefsRequest,
  SetCoefsResponse,
  Vector,
} from "./modelserver_contract.ts";

/** What answers ModelServer's calls. Shapes: all vectors (n,) float32. */
export interface ModelServerBackend {
  /** Throws OperationError when the coefficients are refused. */
  setCoefs(coefs: Float32Array): void;
  /** Throws OperationError when there is no prediction for the inputs. */
  predict(inputs: Float32Array): { readonly output: number; readonly cacheHit: boolean };
}

const COEFS_SET: SetCoefsResponse = { success: true, error: "" };

/**
 * Adds `service ModelServer` to a registry.
 *
 * What is wrong with a request stands in its response's `error`, under the status OK.
 *
 * Source: spec modelserver, "Semantics".
 */
export function addModelServer(
  registry: ServiceRegistry,
  methods: ModelServerMethods,
  backend: ModelServerBackend,
): void {
  registry.add(methods.setCoefs, (request) => setCoefs(backend, request));
  registry.add(methods.predict, (request) => predict(backend, request));
}

function setCoefs(backend: ModelServerBackend, { coefs }: SetCoefsRequest): SetCoefsResponse {
  try {
    backend.setCoefs(float32(coefs));
    return COEFS_SET;
  } catch (error) {
    return { success: false, error: messageOf(error) };
  }
}

function predict(backend: ModelServerBackend, { inputs }: PredictRequest): PredictResponse {
  try {
    const { output, cacheHit } = backend.predict(float32(inputs));
    return { output, cache_hit: cacheHit, error: "" };
  } catch (error) {
    return { output: 0, cache_hit: false, error: messageOf(error) };
  }
}

function float32(vector: Vector): Float32Array {
  return vector instanceof Float32Array ? vector : Float32Array.from(vector);
}

/** @throws what is not an operational error: a bug, which ends the call instead. */
function messageOf(error: unknown): string {
  if (error instanceof OperationError) return error.message;
  throw error;
}
