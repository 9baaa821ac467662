import type { Method } from "../grpc/service.ts";
import type { ProtoSource } from "../protobuf/file_descriptor.ts";
import { FlatCodec } from "../protobuf/flat_codec.ts";
import invocationText from "../../proto/invocation/v1/invocation.proto" with { type: "text" };
import modelText from "../../proto/model/v1/model.proto" with { type: "text" };
import { type InvocationRequest, InvocationRequestCodec } from "./invocation_codec.ts";

export interface InvocationResponse {
  /** `OK` or `ERROR`. */
  readonly status: string;
  /** What went wrong; empty with `OK`. */
  readonly message: string;
}

/** The method of `service invocation.v1.Invocation`. */
export type InvokeMethod = Method<"unary", InvocationRequest, InvocationResponse>;

/** `model.proto`, as others know it. */
export const modelSource: ProtoSource = { name: "model/v1/model.proto", text: modelText };

/** `invocation.proto`, as others know it. */
export const invocationSource: ProtoSource = {
  name: "invocation/v1/invocation.proto",
  text: invocationText,
  imports: [modelSource],
};

/**
 * The method of `invocation.proto`, for one thread.
 *
 * Both messages have codecs of their own, so that the files are not read by threads that only serve; a test holds
 * them equal to proto-loader's.
 */
export function invokeMethod(): InvokeMethod {
  return {
    kind: "unary",
    path: "/invocation.v1.Invocation/Invoke",
    request: new InvocationRequestCodec(),
    response: new FlatCodec<InvocationResponse>({ status: "string", message: "string" }),
  };
}
