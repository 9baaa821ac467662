import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import type { MethodKind } from "../../lib/grpc/service.ts";
import text from "./fixtures/test.proto" with { type: "text" };

/*
 * The messages of `grpc.testing`. A sender may leave any field out; what was decoded has them all,
 * messages that are not there as `null`.
 */

export interface BoolValue {
  readonly value?: boolean;
}

export interface Payload {
  /** A name of the enum, or the number of a value that it does not have. */
  readonly type?: string | number;
  readonly body?: Uint8Array;
}

export interface EchoStatus {
  readonly code?: number;
  readonly message?: string;
}

export interface SimpleRequest {
  readonly response_type?: string | number;
  readonly response_size?: number;
  readonly payload?: Payload | null;
  readonly response_compressed?: BoolValue | null;
  readonly response_status?: EchoStatus | null;
  readonly expect_compressed?: BoolValue | null;
}

export interface SimpleResponse {
  readonly payload?: Payload | null;
}

export interface StreamingInputCallRequest {
  readonly payload?: Payload | null;
  readonly expect_compressed?: BoolValue | null;
}

export interface StreamingInputCallResponse {
  readonly aggregated_payload_size?: number;
}

export interface ResponseParameters {
  readonly size?: number;
  readonly compressed?: BoolValue | null;
}

export interface StreamingOutputCallRequest {
  readonly response_type?: string | number;
  readonly response_parameters?: readonly ResponseParameters[];
  readonly payload?: Payload | null;
  readonly response_status?: EchoStatus | null;
}

export interface StreamingOutputCallResponse {
  readonly payload?: Payload | null;
}

/** `grpc.testing.Empty`. */
export type Empty = Readonly<Record<string, never>>;

const file = new ProtoFile(text);

const method = <Kind extends MethodKind, Request, Response>(name: string, kind: Kind) =>
  file.method<Kind, Request, Response>("grpc.testing.TestService", name, kind);

/** The methods that a client of the interop cases calls; no server has the last two. */
export const testMethods = {
  emptyCall: method<"unary", Empty, Empty>("EmptyCall", "unary"),
  unaryCall: method<"unary", SimpleRequest, SimpleResponse>("UnaryCall", "unary"),
  streamingOutputCall: method<
    "serverStreaming",
    StreamingOutputCallRequest,
    StreamingOutputCallResponse
  >("StreamingOutputCall", "serverStreaming"),
  streamingInputCall: method<
    "clientStreaming",
    StreamingInputCallRequest,
    StreamingInputCallResponse
  >("StreamingInputCall", "clientStreaming"),
  fullDuplexCall: method<
    "bidiStreaming",
    StreamingOutputCallRequest,
    StreamingOutputCallResponse
  >("FullDuplexCall", "bidiStreaming"),
  unimplementedMethod: method<"unary", Empty, Empty>("UnimplementedCall", "unary"),
  unimplementedService: file.method<"unary", Empty, Empty>(
    "grpc.testing.UnimplementedService",
    "UnimplementedCall",
    "unary",
  ),
};

/** Metadata under this key comes back as initial metadata. */
export const ECHO_INITIAL = "x-grpc-test-echo-initial";

/** Metadata under this key comes back as trailing metadata. */
export const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";
