import { isAbsolute, join } from "node:path";
import { OperationError } from "../errors.ts";
import { type CachedFile, ModelCache } from "./model_cache.ts";
import type { ModelConfig } from "./model_config.ts";
import { extensionOf, parseAddress } from "./sources/address.ts";
import { type ReadVariable, sourceAt } from "./sources/open_source.ts";
import { versionFileName } from "./version_file_names.ts";

/**
 * Brings the files that configurations name as their sources. Owns its cache when that is a temporary one, and
 * the fetches under way.
 */
export class SourceFetcher implements AsyncDisposable {
  readonly #readVariable: ReadVariable;
  #cache: Promise<ModelCache> | undefined;
  #temporary: string | undefined;
  readonly #end = new AbortController();
  readonly #running = new Set<Promise<CachedFile>>();

  /** @param cache undefined for a temporary one, made for the first file */
  constructor(cache: ModelCache | undefined, readVariable: ReadVariable) {
    this.#cache = cache === undefined ? undefined : Promise.resolve(cache);
    this.#readVariable = readVariable;
  }

  /**
   * The file of a configuration's source, in a folder of its own.
   *
   * @param folder the model's, which relative paths are relative to
   * @param retry as for `ModelCache.fetch`
   * @throws {OperationError} naming the address
   */
  async fetch(
    { platform, source }: ModelConfig,
    folder: string,
    retry: "now" | "later",
    signal: AbortSignal,
  ): Promise<CachedFile> {
    const address = source === undefined ? undefined : parseAddress(source.url);
    const fileName = address === undefined
      ? undefined
      : versionFileName(platform, extensionOf(address));
    if (source === undefined || address === undefined || fileName === undefined) {
      throw new TypeError("A configuration without a source that was checked");
    }
    const isRelative = address.kind === "file" && !isAbsolute(address.path);
    const wanted = {
      source: sourceAt(address, folder, this.#readVariable),
      address: isRelative ? join(folder, address.path) : source.url,
      sha256: source.sha256,
      fileName,
    };
    this.#cache ??= this.#openTemporary();
    const cache = await this.#cache;
    const fetching = cache.fetch(wanted, retry, AbortSignal.any([signal, this.#end.signal]));
    this.#running.add(fetching);
    try {
      return await fetching;
    } finally {
      this.#running.delete(fetching);
    }
  }

  /** Gives up what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#cache?.catch(() => {});
    await Promise.allSettled(this.#running);
    const folder = this.#temporary;
    this.#temporary = undefined;
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  }

  async #openTemporary(): Promise<ModelCache> {
    try {
      this.#temporary = await Deno.makeTempDir({ prefix: "modelserver-" });
      return await ModelCache.open(this.#temporary);
    } catch (cause) {
      this.#cache = undefined;
      if (cause instanceof OperationError) throw cause;
      const text = `Cannot make a temporary model cache: ${(cause as Error).message}`;
      throw new OperationError("failed-precondition", text, { cause });
    }
  }
}
