import type { ServiceRegistry } from "../grpc/service.ts";
import { Code } from "../grpc/status.ts";
import type { FileDescriptor, ProtoSource } from "../protobuf/file_descriptor.ts";
import { DescriptorIndex } from "./descriptor_index.ts";
import {
  type ReflectionAnswer,
  reflectionMethods,
  type ReflectionRequest,
  type ReflectionResponse,
} from "./reflection_contract.ts";

/**
 * Adds both versions of `service ServerReflection`, which tell what the registry has, also of services
 * that are added later. The files are described at the first call.
 *
 * What is wrong with a request stands in its `error_response`; the stream goes on.
 *
 * Source: reflection.proto; gRPC "Server Reflection" (doc/server-reflection.md).
 *
 * @param sources the files of the registry's services
 */
export function addReflection(registry: ServiceRegistry, sources: readonly ProtoSource[]): void {
  const reflection = new Reflection(registry, sources);
  for (const method of reflectionMethods()) {
    registry.add(method, (requests) => reflection.answerAll(requests));
  }
}

class Reflection {
  readonly #registry: ServiceRegistry;
  readonly #sources: readonly ProtoSource[];
  #lazyIndex: DescriptorIndex | undefined;

  constructor(registry: ServiceRegistry, sources: readonly ProtoSource[]) {
    this.#registry = registry;
    this.#sources = sources;
  }

  async *answerAll(
    requests: AsyncIterable<ReflectionRequest>,
  ): AsyncGenerator<ReflectionResponse, void, void> {
    for await (const request of requests) {
      const { host } = request;
      yield { valid_host: host, original_request: request, ...this.#answer(request) };
    }
  }

  #answer(request: ReflectionRequest): ReflectionAnswer {
    const {
      file_by_filename: name,
      file_containing_symbol: symbol,
      file_containing_extension: extension,
      all_extension_numbers_of_type: type,
      list_services: services,
    } = request;
    if (name !== undefined) return found(this.#index.fileOf(name), `the file ${name}`);
    if (symbol !== undefined) {
      return found(this.#index.fileDeclaring(symbol), `the symbol ${symbol}`);
    }
    // proto3 extends nothing but descriptor.proto, and no file of ours does.
    if (extension !== undefined) return found(undefined, "an extension of that number");
    if (type !== undefined) return this.#extensionNumbers(type);
    if (services !== undefined) return this.#services();
    return failed(Code.INVALID_ARGUMENT, "Cannot answer: the request asks for nothing");
  }

  get #index(): DescriptorIndex {
    return this.#lazyIndex ??= new DescriptorIndex(this.#sources);
  }

  #extensionNumbers(type: string): ReflectionAnswer {
    if (!this.#index.hasMessage(type)) return found(undefined, `the message ${type}`);
    return { all_extension_numbers_response: { base_type_name: type, extension_number: [] } };
  }

  #services(): ReflectionAnswer {
    const service = this.#registry.services.toSorted().map((name) => ({ name }));
    return { list_services_response: { service } };
  }
}

function found(file: FileDescriptor | undefined, what: string): ReflectionAnswer {
  if (file === undefined) return failed(Code.NOT_FOUND, `Cannot find ${what}: no file here has it`);
  return { file_descriptor_response: { file_descriptor_proto: [file.bytes] } };
}

function failed(code: Code, message: string): ReflectionAnswer {
  return { error_response: { error_code: code, error_message: message } };
}
