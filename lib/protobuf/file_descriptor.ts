import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";

/** The text of a proto3 file. */
export interface ProtoSource {
  /** The path by which other files import it, and tools know it. */
  readonly name: string;
  readonly text: string;
  /** What it imports, in its order: files that import nothing themselves. None by default. */
  readonly imports?: readonly ProtoSource[];
}

/** What a `.proto` file declares. */
export interface FileDescriptor {
  readonly name: string;
  /** A `google.protobuf.FileDescriptorProto`, encoded. */
  readonly bytes: Uint8Array;
  /** Full names of its messages, fields, oneofs, enums, enums' values, services and methods. */
  readonly symbols: ReadonlySet<string>;
  /** Full names of its messages. */
  readonly messages: ReadonlySet<string>;
}

/**
 * Describes a `.proto` file with the same bytes as protoc. Left out are options and reserved names;
 * the entries of maps stand before other nested messages.
 *
 * protobufjs has a conversion of its own, but stock tools refuse the names that it gives to the
 * entries of maps, and some do not resolve its relative names of types.
 *
 * Source: google/protobuf/descriptor.proto.
 *
 * @throws {Error} when the text is no proto file; a TypeError when it extends others, or imports other files
 *   than the source says.
 */
export function describeProtoFile(source: ProtoSource): FileDescriptor {
  const { name, imports: imported = [] } = source;
  const root = new protobuf.Root();
  for (const file of imported) parseInto(root, file, []);
  const others = new Set(allTypesOf(root));
  const dependency = imported.map((file) => file.name);
  const { package: scope } = parseInto(root, source, dependency);
  root.resolveAll();
  const describer = new Describer(others);
  const file = descriptor.FileDescriptorProto.fromObject({
    name,
    ...(scope === undefined ? {} : { package: scope }),
    dependency,
    ...describer.describe(scope === undefined ? root : root.lookup(scope) as protobuf.Namespace),
    syntax: "proto3",
  });
  const { symbols, messages } = describer;
  return { name, bytes: descriptor.FileDescriptorProto.encode(file).finish(), symbols, messages };
}

function parseInto(
  root: protobuf.Root,
  { name, text }: ProtoSource,
  needed: readonly string[],
): protobuf.IParserResult {
  const parsed = protobuf.parse(text, root, { keepCase: true });
  const found = parsed.imports ?? [];
  if (found.join() === needed.join()) return parsed;
  throw new TypeError(
    `Cannot describe ${name}: it imports [${found}], its source says [${needed}]`,
  );
}

/** What is declared in a scope that is no message, and in those within it. */
function* allTypesOf(scope: protobuf.NamespaceBase): Generator<protobuf.ReflectionObject> {
  for (const object of scope.nestedArray) {
    if (isPackage(object)) yield* allTypesOf(object);
    else yield object;
  }
}

function isPackage(object: protobuf.ReflectionObject): object is protobuf.Namespace {
  return object instanceof protobuf.Namespace && !(object instanceof protobuf.Type) &&
    !(object instanceof protobuf.Service);
}

/** A message of descriptor.proto, as protobufjs makes messages of plain objects. */
type Described = Readonly<Record<string, unknown>>;

/** Turns what protobufjs has read into descriptors, and notes the names. */
class Describer {
  readonly symbols = new Set<string>();
  readonly messages = new Set<string>();
  readonly #others: ReadonlySet<protobuf.ReflectionObject>;

  /** @param others what files declare that this one imports */
  constructor(others: ReadonlySet<protobuf.ReflectionObject>) {
    this.#others = others;
  }

  /** @param scope a package or a message */
  describe(scope: protobuf.NamespaceBase) {
    const messageType: Described[] = [];
    const enumType: Described[] = [];
    const service: Described[] = [];
    for (const object of scope.nestedArray) {
      if (this.#isOfOthers(object)) continue;
      if (object instanceof protobuf.Type) messageType.push(this.#describeMessage(object));
      else if (object instanceof protobuf.Enum) enumType.push(this.#describeEnum(object));
      else if (object instanceof protobuf.Service) service.push(this.#describeService(object));
      else throw new TypeError(`Cannot describe ${object}: need a message, enum or service`);
    }
    return { messageType, enumType, service };
  }

  /** Declared by an import, or a package that only imports declare in. */
  #isOfOthers(object: protobuf.ReflectionObject): boolean {
    if (!isPackage(object)) return this.#others.has(object);
    return [...allTypesOf(object)].every((declared) => this.#others.has(declared));
  }

  #describeMessage(type: protobuf.Type): Described {
    this.messages.add(this.#note(type.fullName));
    // A field that is `optional` is alone in a oneof, which protoc puts behind those of the text.
    const oneofs = type.oneofsArray.toSorted((a, b) =>
      Number(isOptional(a.fieldsArray[0])) - Number(isOptional(b.fieldsArray[0]))
    );
    for (const { fullName } of oneofs) this.#note(fullName);
    const { messageType, enumType } = this.describe(type);
    const maps = type.fieldsArray.filter((field) => field instanceof protobuf.MapField);
    return {
      name: type.name,
      field: type.fieldsArray.map((field) => this.#describeField(field, oneofs)),
      nestedType: [...maps.map((field) => this.#describeMapEntry(field)), ...messageType],
      enumType,
      oneofDecl: oneofs.map(({ name }) => ({ name })),
    };
  }

  #describeField(field: protobuf.Field, oneofs: readonly protobuf.OneOf[]): Described {
    this.#note(field.fullName);
    return {
      name: field.name,
      number: field.id,
      label: field.repeated || field.map ? "LABEL_REPEATED" : "LABEL_OPTIONAL",
      ...(field.map ? { type: "TYPE_MESSAGE", typeName: mapEntryName(field) } : typeOf(field)),
      ...(field.partOf === null ? {} : { oneofIndex: oneofs.indexOf(field.partOf) }),
      jsonName: camelCase(field.name),
      ...(isOptional(field) ? { proto3Optional: true } : {}),
    };
  }

  /** A map is a list of entries, each a message of its own. */
  #describeMapEntry(field: protobuf.MapField): Described {
    const fullName = mapEntryName(field);
    this.messages.add(this.#note(fullName));
    for (const part of ["key", "value"]) this.#note(`${fullName}.${part}`);
    const label = "LABEL_OPTIONAL";
    const key = { name: "key", number: 1, label, type: scalarType(field.keyType), jsonName: "key" };
    const value = { name: "value", number: 2, label, ...typeOf(field), jsonName: "value" };
    return { name: lastName(fullName), field: [key, value], options: { mapEntry: true } };
  }

  #describeEnum({ fullName, name, values }: protobuf.Enum): Described {
    this.#note(fullName);
    // The names of values stand beside their enum's, not in it.
    const scope = fullName.slice(0, -name.length);
    for (const value of Object.keys(values)) this.#note(`${scope}${value}`);
    return { name, value: Object.entries(values).map(([name, number]) => ({ name, number })) };
  }

  #describeService({ fullName, name, methodsArray }: protobuf.Service): Described {
    this.#note(fullName);
    for (const { fullName } of methodsArray) this.#note(fullName);
    const method = methodsArray.map((method) => ({
      name: method.name,
      inputType: method.resolvedRequestType?.fullName,
      outputType: method.resolvedResponseType?.fullName,
      ...(method.requestStream ? { clientStreaming: true } : {}),
      ...(method.responseStream ? { serverStreaming: true } : {}),
    }));
    return { name, method };
  }

  /** Notes an absolute name, which begins with a dot, without the dot. */
  #note(fullName: string): string {
    const symbol = fullName.slice(1);
    this.symbols.add(symbol);
    return symbol;
  }
}

/** The type of a field, or of the values of a map. */
function typeOf({ type, resolvedType }: protobuf.FieldBase): Described {
  if (resolvedType === null) return { type: scalarType(type) };
  const isEnum = resolvedType instanceof protobuf.Enum;
  return { type: isEnum ? "TYPE_ENUM" : "TYPE_MESSAGE", typeName: resolvedType.fullName };
}

function scalarType(name: string): string {
  return `TYPE_${name.toUpperCase()}`;
}

function isOptional(field: protobuf.Field): boolean {
  return field.options?.["proto3_optional"] === true;
}

/** `.package.Message.SomeFieldEntry` for the map `some_field`. */
function mapEntryName({ fullName, name }: protobuf.FieldBase): string {
  return `${fullName.slice(0, -name.length)}${camelCase(`_${name}`)}Entry`;
}

function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

function lastName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf(".") + 1);
}
