import { quoted } from "../errors.ts";
import type { ServerCall, ServiceRegistry } from "../grpc/service.ts";
import { Code, GrpcError } from "../grpc/status.ts";
import { HEALTH_LIST_SERVICES_MAX } from "../limits.ts";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListResponse,
  healthMethods,
} from "./health_contract.ts";
import type { HealthState } from "./health_state.ts";

/**
 * Adds `service grpc.health.v1.Health` to a registry: Check, List and Watch of what `state` says.
 *
 * Source: health.proto.
 */
export function addHealth(registry: ServiceRegistry, state: HealthState): void {
  const methods = healthMethods();
  registry.add(methods.check, (request) => check(state, request));
  registry.add(methods.list, () => list(state));
  registry.add(methods.watch, (request, call) => watch(state, request, call));
}

function check(state: HealthState, { service }: HealthCheckRequest): HealthCheckResponse {
  const status = state.statuses.get(service);
  if (status !== undefined) return { status };
  throw new GrpcError(Code.NOT_FOUND, `Cannot check ${quoted(service)}: unknown service`);
}

function list({ statuses }: HealthState): HealthListResponse {
  if (statuses.size > HEALTH_LIST_SERVICES_MAX) {
    throw new GrpcError(
      Code.RESOURCE_EXHAUSTED,
      `Cannot list ${statuses.size} services, need at most ${HEALTH_LIST_SERVICES_MAX}`,
    );
  }
  const entries = Array.from(statuses, ([service, status]) => [service, { status }]);
  return { statuses: Object.fromEntries(entries) };
}

/**
 * Ends with UNAVAILABLE when the server drains: another server may know better, try there. It is what
 * clients see of grpc-go's servers too, whose GracefulStop waits for the watches until Stop ends them.
 */
async function* watch(
  state: HealthState,
  { service }: HealthCheckRequest,
  { signal }: ServerCall,
): AsyncGenerator<HealthCheckResponse, void, void> {
  for await (const status of state.watch(service, signal)) yield { status };
  throw new GrpcError(Code.UNAVAILABLE, "the server is shutting down");
}
