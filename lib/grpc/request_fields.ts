import { HeaderField, type HeaderList } from "../http2/hpack/header_field.ts";
import type { CallOptions } from "./client_call.ts";
import { ACCEPT_ENCODING, ENCODING_GZIP } from "./message_encoding.ts";
import type { Metadata } from "./metadata.ts";
import { formatTimeout } from "./timeout.ts";

/** The head of one method's requests; one object for as long as nothing about it changes. */
interface MethodFields {
  readonly untimed: HeaderList;
  timed: HeaderList;
  /** What `timed` was made for, as a number and as it is sent. */
  leftMs: number | undefined;
  timeout: string;
}

/** What all requests of a channel say. */
export interface RequestFieldsOptions {
  readonly authority: string;
  /** `http` by default. */
  readonly scheme?: "http" | "https";
  /** Sent with every call, before the call's own. */
  readonly metadata?: Metadata;
}

/**
 * The heads of one channel's requests.
 *
 * Equal heads are the same list, so that HPACK knows its encoding: one for each method, and one with the
 * timeout that the method was last called with, as calls in a row mostly have the same. The methods that
 * a program calls bound their number.
 *
 * Source: doc/PROTOCOL-HTTP2.md, Requests.
 */
export class RequestFields {
  readonly #options: RequestFieldsOptions;
  readonly #methods = new Map<string, MethodFields>();

  constructor(options: RequestFieldsOptions) {
    this.#options = options;
  }

  /** @param leftMs until the deadline, `undefined` without one */
  of(path: string, leftMs: number | undefined, options: CallOptions): HeaderList {
    const known = this.#methods.get(path) ?? this.#add(path);
    const fields = leftMs === undefined ? known.untimed : timedFields(known, leftMs);
    const { compress = false, metadata } = options;
    if (compress === false && metadata === undefined) return fields;
    const encoding = compress === false ? [] : [ENCODING_GZIP];
    return [...fields, ...encoding, ...metadata?.toFields() ?? []];
  }

  #add(path: string): MethodFields {
    const { authority, scheme = "http", metadata } = this.#options;
    const untimed = [
      new HeaderField(":method", "POST"),
      new HeaderField(":scheme", scheme),
      new HeaderField(":path", path),
      new HeaderField(":authority", authority),
      new HeaderField("te", "trailers"),
      new HeaderField("content-type", "application/grpc"),
      ACCEPT_ENCODING,
      new HeaderField("user-agent", "grpc-modelserver"),
      ...metadata?.toFields() ?? [],
    ];
    const fields = { untimed, timed: untimed, leftMs: undefined, timeout: "" };
    this.#methods.set(path, fields);
    return fields;
  }
}

function timedFields(method: MethodFields, leftMs: number): HeaderList {
  if (leftMs === method.leftMs) return method.timed;
  method.leftMs = leftMs;
  const timeout = formatTimeout(leftMs);
  if (timeout !== method.timeout) {
    method.timeout = timeout;
    method.timed = [...method.untimed, new HeaderField("grpc-timeout", timeout)];
  }
  return method.timed;
}
