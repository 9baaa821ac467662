import { OperationError } from "../errors.ts";
import type { ServiceRegistry } from "../grpc/service.ts";
import type { InferCall } from "../inference/infer.ts";
import type { RunInput } from "../invocation/run.ts";
import type { InvocationRequest } from "./invocation_codec.ts";
import type { InvocationResponse, InvokeMethod } from "./invocation_contract.ts";

/** What answers Invocation's calls. */
export interface InvocationBackend {
  /** Resolves once the run is kept; rejects with OperationError when it is not. */
  invoke(input: RunInput, call: InferCall): Promise<unknown>;
}

/** Who is told of how invocations end. */
export interface InvocationObserver {
  /** It was run and is kept. */
  onInvocationOk(): void;
  /** It was answered with an error, or ended without an answer. */
  onInvocationFailed(): void;
}

const KEPT: InvocationResponse = { status: "OK", message: "" };

/**
 * Adds `service invocation.v1.Invocation` to a registry.
 *
 * What went wrong stands in the response, with the status `ERROR`, under gRPC's status OK. A call that was
 * cancelled, or whose deadline has passed, ends as calls do.
 *
 * Source: spec invocation, "Behaviour".
 */
export function addInvocation(
  registry: ServiceRegistry,
  method: InvokeMethod,
  backend: InvocationBackend,
  observer: InvocationObserver,
): void {
  registry.add(method, async (request, call) => {
    try {
      await invoke(backend, request, call);
      observer.onInvocationOk();
      return KEPT;
    } catch (error) {
      observer.onInvocationFailed();
      if (!(error instanceof OperationError)) throw error;
      return { status: "ERROR", message: error.message };
    }
  });
}

async function invoke(
  backend: InvocationBackend,
  { model_input: input, refused }: InvocationRequest,
  call: InferCall,
): Promise<void> {
  if (refused !== undefined) throw refused;
  if (input === undefined) {
    throw new OperationError("invalid-argument", "Cannot invoke: the request has no model_input");
  }
  await backend.invoke(input, call);
}
