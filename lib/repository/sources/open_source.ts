import { isAbsolute, join } from "node:path";
import type { Address } from "./address.ts";
import { fileSource } from "./file_source.ts";
import { httpSource } from "./http_source.ts";
import { readS3Settings } from "./s3_settings.ts";
import { s3Source } from "./s3_source.ts";
import type { FileSource } from "./source.ts";

/** Reads an environment variable; undefined when it is not set. */
export type ReadVariable = (name: string) => string | undefined;

/**
 * What brings the file at an address.
 *
 * @param folder what relative paths are relative to
 * @param read for the settings of S3; not called for other addresses
 * @throws {OperationError} `failed-precondition` when the settings are wrong
 */
export function sourceAt(address: Address, folder: string, read: ReadVariable): FileSource {
  switch (address.kind) {
    case "file":
      return fileSource(isAbsolute(address.path) ? address.path : join(folder, address.path));
    case "http":
      return httpSource(address.url);
    case "s3":
      return s3Source(address.bucket, address.key, readS3Settings(read));
  }
}
