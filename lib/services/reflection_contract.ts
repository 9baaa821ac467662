import { LazyProtoFile } from "../grpc/lazy_proto_file.ts";
import type { Method } from "../grpc/service.ts";
import type { Code } from "../grpc/status.ts";
import type { ProtoSource } from "../protobuf/file_descriptor.ts";
import v1Text from "../../proto/grpc/reflection/v1/reflection.proto" with { type: "text" };
import v1alphaText from "../../proto/grpc/reflection/v1alpha/reflection.proto" with {
  type: "text",
};

export interface ExtensionRequest {
  /** `package.Message` */
  readonly containing_type: string;
  readonly extension_number: number;
}

/** One of the fields beside `host` is there. */
export interface ReflectionRequest {
  readonly host: string;
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly file_containing_extension?: ExtensionRequest;
  readonly all_extension_numbers_of_type?: string;
  readonly list_services?: string;
}

/** What answers a request, by what it asked for; or why nothing does. */
export type ReflectionAnswer =
  | { readonly file_descriptor_response: { readonly file_descriptor_proto: Uint8Array[] } }
  | {
    readonly all_extension_numbers_response: {
      readonly base_type_name: string;
      readonly extension_number: number[];
    };
  }
  | { readonly list_services_response: { readonly service: { readonly name: string }[] } }
  | { readonly error_response: { readonly error_code: Code; readonly error_message: string } };

export type ReflectionResponse = ReflectionAnswer & {
  readonly valid_host: string;
  readonly original_request: ReflectionRequest;
};

/** `ServerReflectionInfo` of one version of `service ServerReflection`. */
export type ReflectionMethod = Method<"bidiStreaming", ReflectionRequest, ReflectionResponse>;

/** `reflection.proto` of both versions, under the names that the gRPC project gave them. */
export const reflectionSources: readonly ProtoSource[] = [
  { name: "grpc/reflection/v1/reflection.proto", text: v1Text },
  { name: "grpc/reflection/v1alpha/reflection.proto", text: v1alphaText },
];

/** The method of each version, for one thread. Their messages are the same, so are their codecs. */
export function reflectionMethods(): readonly [v1: ReflectionMethod, v1alpha: ReflectionMethod] {
  const name = "ServerReflectionInfo";
  const v1: ReflectionMethod = new LazyProtoFile(v1Text)
    .method("grpc.reflection.v1.ServerReflection", name, "bidiStreaming");
  return [v1, { ...v1, path: `/grpc.reflection.v1alpha.ServerReflection/${name}` }];
}
