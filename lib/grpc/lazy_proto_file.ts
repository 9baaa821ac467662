import type { Codec } from "./codec.ts";
import { ProtoFile } from "./proto_service.ts";
import type { Method, MethodKind } from "./service.ts";

/**
 * A `.proto` file that is read when the first message of one of its methods is: for services that
 * many servers never have a call of. Reading one takes milliseconds, and memory, of every thread.
 */
export class LazyProtoFile {
  readonly #text: string;
  #file: ProtoFile | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /**
   * A method as `ProtoFile.method` gives it.
   *
   * That the file has no such method, or has it of another kind, is a TypeError of its first message.
   */
  method<Kind extends MethodKind, Request, Response>(
    service: string,
    name: string,
    kind: Kind,
  ): Method<Kind, Request, Response> {
    let method: Method<Kind, Request, Response> | undefined;
    const load = () => method ??= this.#read().method<Kind, Request, Response>(service, name, kind);
    return {
      kind,
      path: `/${service}/${name}`,
      request: new LazyCodec(() => load().request),
      response: new LazyCodec(() => load().response),
    };
  }

  #read(): ProtoFile {
    return this.#file ??= new ProtoFile(this.#text);
  }
}

/** A codec that is made when it is first needed. */
class LazyCodec<Message> implements Codec<Message> {
  readonly #load: () => Codec<Message>;

  constructor(load: () => Codec<Message>) {
    this.#load = load;
  }

  decode(bytes: Uint8Array, start: number, end: number): Message {
    return this.#load().decode(bytes, start, end);
  }

  encodedBytesMax(message: Message): number {
    return this.#load().encodedBytesMax(message);
  }

  encode(message: Message, bytes: Uint8Array, offset: number): number {
    return this.#load().encode(message, bytes, offset);
  }
}
