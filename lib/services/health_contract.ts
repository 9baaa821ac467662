import { LazyProtoFile } from "../grpc/lazy_proto_file.ts";
import type { Method } from "../grpc/service.ts";
import type { ProtoSource } from "../protobuf/file_descriptor.ts";
import protoText from "../../proto/grpc/health/v1/health.proto" with { type: "text" };
import type { ServingStatus, WatchedStatus } from "./health_state.ts";

export interface HealthCheckRequest {
  /** `package.Service`, or empty for the server as a whole. */
  readonly service: string;
}

export interface HealthCheckResponse {
  readonly status: WatchedStatus;
}

export type HealthListRequest = Readonly<Record<never, never>>;

export interface HealthListResponse {
  /** By service. */
  readonly statuses: Readonly<Record<string, { readonly status: ServingStatus }>>;
}

/** The methods of `service grpc.health.v1.Health`. */
export interface HealthMethods {
  readonly check: Method<"unary", HealthCheckRequest, HealthCheckResponse>;
  readonly list: Method<"unary", HealthListRequest, HealthListResponse>;
  readonly watch: Method<"serverStreaming", HealthCheckRequest, HealthCheckResponse>;
}

/** `health.proto` under the name that the gRPC project gave it. */
export const healthSource: ProtoSource = { name: "grpc/health/v1/health.proto", text: protoText };

/** The methods of `health.proto`, for one thread. */
export function healthMethods(): HealthMethods {
  const file = new LazyProtoFile(protoText);
  const service = "grpc.health.v1.Health";
  return {
    check: file.method(service, "Check", "unary"),
    list: file.method(service, "List", "unary"),
    watch: file.method(service, "Watch", "serverStreaming"),
  };
}
