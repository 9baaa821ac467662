import { OperationError } from "../errors.ts";
import type { Codec } from "../grpc/codec.ts";
import type { MetadataEntry, RunInput } from "../invocation/run.ts";
import { INVOCATION_METADATA_MAX } from "../limits.ts";
import { readText, textFieldBytes, writeTextField } from "../protobuf/text.ts";
import {
  int64Bytes,
  varintBytes,
  WireReader,
  WireType,
  writeInt64,
  writeVarint,
} from "../protobuf/wire.ts";

/** An `invocation.v1.InvocationRequest`. */
export interface InvocationRequest {
  /** Undefined when the request has none. */
  readonly model_input: RunInput | undefined;
  /** What is wrong with it that its bytes alone tell; undefined for a request to be sent. */
  readonly refused?: OperationError | undefined;
}

const MODEL_INPUT_TAG = (1 << 3) | WireType.LENGTH;

const ID_TAG = (1 << 3) | WireType.VARINT;
const CONTENT_TAG = (2 << 3) | WireType.LENGTH;
const METADATA_TAG = (3 << 3) | WireType.LENGTH;

const KEY_TAG = (1 << 3) | WireType.LENGTH;
const VALUE_TAG = (2 << 3) | WireType.LENGTH;

/** A ModelInput while it is read: what comes in several parts is put together. */
interface Draft {
  id: number;
  content: string;
  readonly metadata: MetadataEntry[];
  /** Pairs that were seen, kept or not. */
  pairs: number;
}

/**
 * InvocationRequest by hand: reads and writes what protobuf's own code does.
 *
 * A ModelInput that comes in several parts is merged, unknown fields are skipped, a field of a wire type that is
 * not its own too. Text that is not UTF-8 is an error. Of more pairs than INVOCATION_METADATA_MAX the rest are
 * read and not kept, and the request says that it is refused.
 *
 * Source: protobuf.dev, "Encoding".
 */
export class InvocationRequestCodec implements Codec<InvocationRequest> {
  readonly #reader = new WireReader();

  /** @throws {RangeError | TypeError} when the bytes are no such message. */
  decode(bytes: Uint8Array, start: number, end: number): InvocationRequest {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    let draft: Draft | undefined;
    while (reader.more) {
      const tag = reader.readTag();
      if (tag !== MODEL_INPUT_TAG) reader.skipField(tag);
      else readInput(reader, draft ??= { id: 0, content: "", metadata: [], pairs: 0 });
    }
    if (draft === undefined) return { model_input: undefined, refused: undefined };
    const { id, content, metadata, pairs } = draft;
    return { model_input: { id, content, metadata }, refused: refusalOf(pairs) };
  }

  /** The length of the message, exactly. */
  encodedBytesMax({ model_input: input }: InvocationRequest): number {
    return input === undefined ? 0 : nestedBytes(inputBytes(input));
  }

  encode(
    { model_input: input }: InvocationRequest,
    bytes: Uint8Array,
    offset: number,
  ): number {
    if (input === undefined) return offset;
    let at = offset;
    bytes[at++] = MODEL_INPUT_TAG;
    at = writeVarint(inputBytes(input), bytes, at);
    if (input.id !== 0) {
      bytes[at++] = ID_TAG;
      at = writeInt64(BigInt(input.id), bytes, at);
    }
    at = writeTextField(CONTENT_TAG, input.content, bytes, at);
    for (const entry of input.metadata) {
      bytes[at++] = METADATA_TAG;
      at = writeVarint(entryBytes(entry), bytes, at);
      at = writeTextField(KEY_TAG, entry.key, bytes, at);
      at = writeTextField(VALUE_TAG, entry.value, bytes, at);
    }
    return at;
  }
}

function readInput(reader: WireReader, draft: Draft): void {
  const outerEnd = reader.enter();
  while (reader.more) {
    const tag = reader.readTag();
    if (tag === ID_TAG) draft.id = reader.readVarint32() | 0;
    else if (tag === CONTENT_TAG) draft.content = readText(reader);
    else if (tag === METADATA_TAG) {
      const entry = readEntry(reader);
      if (++draft.pairs <= INVOCATION_METADATA_MAX) draft.metadata.push(entry);
    } else reader.skipField(tag);
  }
  reader.leave(outerEnd);
}

function readEntry(reader: WireReader): MetadataEntry {
  const outerEnd = reader.enter();
  let key = "";
  let value = "";
  while (reader.more) {
    const tag = reader.readTag();
    if (tag === KEY_TAG) key = readText(reader);
    else if (tag === VALUE_TAG) value = readText(reader);
    else reader.skipField(tag);
  }
  reader.leave(outerEnd);
  return { key, value };
}

function refusalOf(pairs: number): OperationError | undefined {
  if (pairs <= INVOCATION_METADATA_MAX) return undefined;
  return new OperationError(
    "invalid-argument",
    `Cannot invoke: the input has ${pairs} metadata, at most ${INVOCATION_METADATA_MAX}`,
  );
}

function inputBytes({ id, content, metadata }: RunInput): number {
  const idBytes = id === 0 ? 0 : 1 + int64Bytes(BigInt(id));
  const metadataBytes = metadata.reduce((sum, entry) => sum + nestedBytes(entryBytes(entry)), 0);
  return idBytes + textFieldBytes(content) + metadataBytes;
}

function entryBytes({ key, value }: MetadataEntry): number {
  return textFieldBytes(key) + textFieldBytes(value);
}

/** Of a message within another: its tag of one byte, its length and itself. */
function nestedBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}
