import {
  describeProtoFile,
  type FileDescriptor,
  type ProtoSource,
} from "../protobuf/file_descriptor.ts";

/** Finds `.proto` files by name and by what they declare. Cost: milliseconds to make. */
export class DescriptorIndex {
  readonly #files: readonly FileDescriptor[];

  constructor(sources: readonly ProtoSource[]) {
    this.#files = sources.map(describeProtoFile);
  }

  /** The file of that name. */
  fileOf(name: string): FileDescriptor | undefined {
    return this.#files.find((file) => file.name === name);
  }

  /** The file that declares a symbol, by its full name: a message, a field, a service, a method, … */
  fileDeclaring(symbol: string): FileDescriptor | undefined {
    return this.#files.find(({ symbols }) => symbols.has(symbol));
  }

  /** Whether a file declares a message of that full name. */
  hasMessage(name: string): boolean {
    return this.#files.some(({ messages }) => messages.has(name));
  }
}
