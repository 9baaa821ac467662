import { LazyProtoFile } from "../grpc/lazy_proto_file.ts";
import type { Method } from "../grpc/service.ts";
import type { ProtoSource } from "../protobuf/file_descriptor.ts";
import { FlatCodec } from "../protobuf/flat_codec.ts";
import protoText from "../../numstore.proto" with { type: "text" };

export interface SetNumRequest {
  readonly key: string;
  /** An int64, exact. */
  readonly value: bigint;
}

export interface SetNumResponse {
  /** An int64, exact. */
  readonly total: bigint;
}

export interface FactRequest {
  readonly key: string;
}

export interface FactResponse {
  /** An int64, exact; 0 on error. */
  readonly value: bigint;
  readonly hit: boolean;
  /** Empty on success. */
  readonly error: string;
}

/** The methods of `service NumStore`. */
export interface NumStoreMethods {
  readonly setNum: Method<"unary", SetNumRequest, SetNumResponse>;
  readonly fact: Method<"unary", FactRequest, FactResponse>;
}

/** `numstore.proto`, as others know it. */
export const numStoreSource: ProtoSource = { name: "numstore.proto", text: protoText };

/**
 * The methods of `numstore.proto`, for one thread.
 *
 * All four messages have codecs of their own, so that int64 is exact and the file is not read by
 * threads that only serve; a test holds them equal to proto-loader's.
 */
export function numStoreMethods(): NumStoreMethods {
  const file = new LazyProtoFile(protoText);
  const service = "NumStore";
  return {
    setNum: {
      ...file.method<"unary", SetNumRequest, SetNumResponse>(service, "SetNum", "unary"),
      request: new FlatCodec<SetNumRequest>({ key: "string", value: "int64" }),
      response: new FlatCodec<SetNumResponse>({ total: "int64" }),
    },
    fact: {
      ...file.method<"unary", FactRequest, FactResponse>(service, "Fact", "unary"),
      request: new FlatCodec<FactRequest>({ key: "string" }),
      response: new FlatCodec<FactResponse>({ value: "int64", hit: "bool", error: "string" }),
    },
  };
}
