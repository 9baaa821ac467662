import { createHash } from "node:crypto";
import type { OperationError } from "../errors.ts";
import { MODEL_SOURCE_STALLED_MS } from "../limits.ts";
import type { FetchClock } from "./fetch_clock.ts";
import { unfetched } from "./sources/http_source.ts";
import type { SourceFile } from "./sources/source.ts";
import { unlessAborted } from "./unless_aborted.ts";

/** What a body may be. */
export interface BodyLimits {
  /** Of its source, for error messages. */
  readonly address: string;
  readonly bytesMax: number;
  /** Restarted with each piece. */
  readonly clock: FetchClock;
}

/**
 * Writes what a source gives to a file, and makes sure that it is on the disk.
 *
 * @param body is read to its end or cancelled
 * @returns its SHA-256 in hex
 * @throws {OperationError} `resource-exhausted` when it is too large, `unavailable` when it ends early;
 *   anything else is of the file
 */
export async function writeBody(
  file: Deno.FsFile,
  { body, bytes }: SourceFile,
  { address, bytesMax, clock }: BodyLimits,
): Promise<string> {
  const reader = body.getReader();
  try {
    if (bytes !== undefined && bytes > bytesMax) throw tooLarge(address, `${bytes}`, bytesMax);
    const hash = createHash("sha256");
    let length = 0;
    while (true) {
      clock.restart(MODEL_SOURCE_STALLED_MS);
      const chunk = await readChunk(reader, address, length, bytes, clock.signal);
      if (chunk === undefined) break;
      length += chunk.length;
      if (length > bytesMax) throw tooLarge(address, "more", bytesMax);
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    }
    if (bytes !== undefined && length !== bytes) throw cutShort(address, length, bytes);
    await file.syncData();
    return hash.digest("hex");
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  address: string,
  length: number,
  bytes: number | undefined,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    const { value } = await unlessAborted(reader.read(), signal);
    return value;
  } catch (cause) {
    signal.throwIfAborted();
    throw cutShort(address, length, bytes, cause);
  }
}

function cutShort(
  address: string,
  length: number,
  bytes: number | undefined,
  cause?: unknown,
): OperationError {
  const announced = bytes === undefined ? "" : ` of ${bytes}`;
  return unfetched("unavailable", address, `it ended after ${length}${announced} bytes`, cause);
}

function tooLarge(address: string, found: string, bytesMax: number): OperationError {
  const text = `it has ${found} bytes, at most ${bytesMax} allowed`;
  return unfetched("resource-exhausted", address, text);
}
