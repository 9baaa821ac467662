import { fromJSON, type MethodDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import type { Codec } from "./codec.ts";
import type { Method, MethodKind } from "./service.ts";

/**
 * Reads a `.proto` file's text.
 *
 * Messages come out as proto-loader's plain objects: fields named as in the file, defaults filled in,
 * 64-bit integers as decimal strings, enums by name.
 *
 * @throws {Error} when the text is no proto file.
 */
export class ProtoFile {
  readonly root: protobuf.Root;
  readonly #definitions: ReturnType<typeof fromJSON>;

  constructor(text: string) {
    this.root = protobuf.parse(text, { keepCase: true }).root;
    this.root.resolveAll();
    this.#definitions = fromJSON(this.root.toJSON(), {
      keepCase: true,
      defaults: true,
      longs: String,
      enums: String,
    });
  }

  /**
   * A method with proto-loader's codecs.
   *
   * The kind and the types are the caller's word for what the file says; the kind is checked.
   *
   * @throws {TypeError} when the file has no such method, or it is of another kind.
   */
  method<Kind extends MethodKind, Request, Response>(
    service: string,
    name: string,
    kind: Kind,
  ): Method<Kind, Request, Response> {
    const definition = (this.#definitions[service] as ServiceDefinition | undefined)?.[name];
    if (definition === undefined || kindOf(definition) !== kind) {
      throw new TypeError(`Cannot find ${kind} method ${service}.${name} in the proto file`);
    }
    return {
      kind,
      path: definition.path,
      request: codecOf<Request>(definition.requestSerialize, definition.requestDeserialize),
      response: codecOf<Response>(definition.responseSerialize, definition.responseDeserialize),
    };
  }

  /** A message type, for its field names and numbers. */
  type(name: string): protobuf.Type {
    return this.root.lookupType(name);
  }
}

type AnyMethod = MethodDefinition<object, object>;

function kindOf({ requestStream, responseStream }: AnyMethod): MethodKind {
  if (requestStream) return responseStream ? "bidiStreaming" : "clientStreaming";
  return responseStream ? "serverStreaming" : "unary";
}

/** Encodes a message once, when its length is asked for, and copies it when it is asked for. */
function codecOf<Message>(
  serialize: (message: object) => Uint8Array,
  deserialize: (bytes: never) => object,
): Codec<Message> {
  let last: { readonly message: Message; readonly bytes: Uint8Array } | undefined;
  return {
    decode: (bytes, start, end) =>
      // A copy, as protobufjs gives out views for fields of the type `bytes`, and handlers may keep
      // them. proto-loader's types ask for node's Buffer; protobufjs reads any Uint8Array.
      deserialize(bytes.slice(start, end) as never) as Message,
    encodedBytesMax: (message) => {
      last = { message, bytes: serialize(message as object) };
      return last.bytes.length;
    },
    encode: (message, target, offset) => {
      const bytes = last?.message === message ? last.bytes : serialize(message as object);
      last = undefined;
      target.set(bytes, offset);
      return offset + bytes.length;
    },
  };
}
