import { HeaderField, type HeaderList } from "../http2/hpack/header_field.ts";
import { Code, GrpcError } from "./status.ts";

/** A metadata value: text, or bytes under a key that ends in `-bin`. */
export type MetadataValue = string | Uint8Array;

/** The trailer that tells more of a status than its code and message. */
export const STATUS_DETAILS = "grpc-status-details-bin";

/** Field names that belong to gRPC or to HTTP and never show as metadata. Source: RFC 9113 §8.2.2. */
const RESERVED: ReadonlySet<string> = new Set([
  "content-type",
  "te",
  "content-length",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-status",
  STATUS_DETAILS,
  "grpc-message",
  "grpc-message-type",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const KEY = /^[0-9a-z_.-]+$/;
/** Printable ASCII; the ends are not white space, which HTTP would strip. */
const TEXT_VALUE = /^(?! )[\x20-\x7e]*(?<! )$/;

/** Fields whose value an HPACK encoder must not put into a table. Source: RFC 7541 §7.1.3. */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "cookie"]);

/**
 * Key-value pairs that travel beside a call's messages, in order, keys in lower case.
 *
 * Source: gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md), Custom-Metadata.
 *
 * @example
 * ```ts
 * import { Metadata } from "./metadata.ts";
 * const metadata = new Metadata().append("trace", "a").append("trace", "b");
 * if (metadata.get("trace") !== "a" || metadata.getAll("trace").length !== 2) throw new Error();
 * ```
 */
export class Metadata {
  readonly #entries: [string, MetadataValue][] = [];
  #frozen = false;

  /**
   * Adds a value behind those that the key has.
   *
   * @throws {TypeError} for a key or value that cannot travel, or bytes under a key without `-bin`, or
   *   when it is frozen.
   */
  append(key: string, value: MetadataValue): this {
    if (this.#frozen) throw new TypeError(`Cannot add metadata ${key}: it is frozen`);
    if (!KEY.test(key) || RESERVED.has(key)) {
      throw new TypeError(`Cannot add metadata ${JSON.stringify(key)}: not a metadata key`);
    }
    if (key.endsWith("-bin") !== (typeof value !== "string")) {
      throw new TypeError(
        `Cannot add metadata ${key}: bytes need a key that ends in -bin, text one that does not`,
      );
    }
    if (typeof value === "string" && !TEXT_VALUE.test(value)) {
      throw new TypeError(`Cannot add metadata ${key}: its value is not printable ASCII`);
    }
    this.#entries.push([key, value]);
    return this;
  }

  /** Whether nothing is added any more. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Keeps it as it is from now on, so that calls can share it, and what it is encoded to is kept. */
  freeze(): this {
    this.#frozen = true;
    return this;
  }

  /** The first value of `key`, `undefined` when there is none. */
  get(key: string): MetadataValue | undefined {
    return this.#entries.find(([k]) => k === key)?.[1];
  }

  /** All values of `key`, in order. */
  getAll(key: string): MetadataValue[] {
    return this.#entries.filter(([k]) => k === key).map(([, value]) => value);
  }

  /** All pairs, in order. */
  entries(): readonly (readonly [string, MetadataValue])[] {
    return this.#entries;
  }

  /** The pairs as header fields; bytes in base64 without padding. */
  toFields(): HeaderField[] {
    return this.#entries.map(([key, value]) =>
      new HeaderField(key, typeof value === "string" ? value : encodeBase64(value), {
        sensitive: SENSITIVE.has(key),
      })
    );
  }

  /**
   * Reads the metadata out of a header section; what belongs to the protocol is left out.
   *
   * @throws {GrpcError} INTERNAL for a `-bin` value that is not base64.
   */
  static fromFields(fields: HeaderList): Metadata {
    const metadata = new Metadata();
    for (const { name, value } of fields) {
      if (name.startsWith(":") || RESERVED.has(name)) continue;
      if (!name.endsWith("-bin")) {
        metadata.#entries.push([name, value]);
        continue;
      }
      // Several values may come joined by commas, as HTTP allows.
      for (const part of value.split(",")) metadata.#entries.push([name, decodeBase64(name, part)]);
    }
    return metadata;
  }
}

/** Bytes as a `-bin` field has them: base64 without padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

/** @throws {GrpcError} INTERNAL for what is not base64, padded or not. */
export function decodeBase64(name: string, text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new GrpcError(Code.INTERNAL, `Cannot read metadata ${name}: its value is not base64`);
  }
}
