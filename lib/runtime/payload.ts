/** Bytes that are written where they are needed, rather than copied there. */
export interface Payload {
  readonly byteLength: number;
  /** Writes `byteLength` bytes of `into` from `offset` on, and nothing else. Called under a lock: no waiting. */
  writeTo(into: Uint8Array, offset: number): void;
}

/** What a job asks. */
export type RequestPayload = Payload;

/** What a job is answered. */
export type ResponsePayload = Payload;

/** A payload of bytes that are there already. */
export function bytesPayload(bytes: Uint8Array): Payload {
  return {
    byteLength: bytes.byteLength,
    writeTo: (into, offset) => into.set(bytes, offset),
  };
}
