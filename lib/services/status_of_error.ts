import { type ErrorCode, OperationError } from "../errors.ts";
import { Code, GrpcError } from "../grpc/status.ts";

/** Source: gRPC "Status codes and their use in gRPC" (doc/statuscodes.md). */
const STATUS_OF: Readonly<Record<ErrorCode, Code>> = {
  "invalid-argument": Code.INVALID_ARGUMENT,
  "not-found": Code.NOT_FOUND,
  "failed-precondition": Code.FAILED_PRECONDITION,
  "out-of-range": Code.OUT_OF_RANGE,
  "resource-exhausted": Code.RESOURCE_EXHAUSTED,
  "deadline-exceeded": Code.DEADLINE_EXCEEDED,
  "unavailable": Code.UNAVAILABLE,
  "internal": Code.INTERNAL,
};

/**
 * What a handler throws for an error that it met: an operational one as the status of its code, with its
 * message; any other, a bug or a cancellation, as it is.
 */
export function statusOfError(error: unknown): unknown {
  if (!(error instanceof OperationError)) return error;
  return new GrpcError(STATUS_OF[error.code], error.message, { cause: error });
}
