import { OperationError } from "../errors.ts";
import {
  MODEL_SOURCE_ANSWER_MS,
  MODEL_SOURCE_BYTES_MAX,
  MODEL_SOURCE_RETRY_MS,
  MODEL_SOURCE_TOTAL_MS,
  REPOSITORY_MODELS_MAX,
} from "../limits.ts";
import { FetchClock } from "./fetch_clock.ts";
import { unlessAborted } from "./unless_aborted.ts";
import { writeBody } from "./write_body.ts";
import { isFile } from "./read_file.ts";
import { unfetched } from "./sources/http_source.ts";
import type { FileSource, SourceFile } from "./sources/source.ts";

/** A file that is wanted in a folder of its own. */
export interface WantedFile {
  readonly source: FileSource;
  /** Tells the source from others, and stands in error messages. */
  readonly address: string;
  /** What the content has to hash to; undefined for whatever the source has. */
  readonly sha256: string | undefined;
  /** What the file is called there. */
  readonly fileName: string;
}

/** A file that is here. */
export interface CachedFile {
  /** Absolute; holds nothing but the file, and nothing in it ever changes. */
  readonly folder: string;
  readonly sha256: string;
}

interface Flight {
  readonly result: Promise<CachedFile>;
  readonly address: string;
  readonly signal: AbortSignal;
}

/** What a folder begins with that is being filled. */
const PARTIAL = "partial-";

/**
 * Files from elsewhere, in one folder, each under the hash of its content: what is there is whole and right.
 *
 * A file arrives in a folder of another name, is hashed on the way, and moves to its own by one rename; when
 * anything goes wrong its folder is removed. Processes may share a cache. Nothing is ever removed from it.
 */
export class ModelCache {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #flights = new Map<string, Flight>();
  /** What each address without a hash brought last; the oldest go first. */
  readonly #brought = new Map<string, { validator: string; file: CachedFile }>();
  /** What cannot be had, and until when it is not asked for again; `performance.now()`'s clock. */
  readonly #failed = new Map<string, { error: OperationError; untilMs: number }>();

  private constructor(folder: string, bytesMax: number) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  /**
   * The cache in a folder, which is made if it is not there; needs permission to read and write it.
   *
   * What other processes have left unfinished, killed by whatever, is removed once it is too old to be
   * still on its way.
   *
   * @param bytesMax of one file
   * @throws {OperationError} `failed-precondition` naming the folder when it cannot be written
   */
  static async open(
    folder: string,
    bytesMax: number = MODEL_SOURCE_BYTES_MAX,
  ): Promise<ModelCache> {
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      const real = await Deno.realPath(folder);
      await removeAbandoned(real);
      return new ModelCache(real, bytesMax);
    } catch (error) {
      throw unwritable(folder, error);
    }
  }

  /**
   * The file, fetched unless it is here: one with a hash once for good, one without anew when its source says
   * that it has changed. Concurrent calls for the same file share one fetch.
   *
   * @param retry whether a source that has failed within MODEL_SOURCE_RETRY_MS is asked again
   * @throws {OperationError} naming the address; it is in the cache as a whole or not at all
   */
  async fetch(
    wanted: WantedFile,
    retry: "now" | "later",
    signal: AbortSignal,
  ): Promise<CachedFile> {
    const key = `${wanted.sha256 ?? ""} ${wanted.fileName} ${wanted.address}`;
    const failed = this.#failed.get(key);
    if (failed !== undefined && retry === "later" && performance.now() < failed.untilMs) {
      throw failed.error;
    }
    const content = wanted.sha256 === undefined ? key : `${wanted.sha256} ${wanted.fileName}`;
    while (true) {
      signal.throwIfAborted();
      const running = this.#flights.get(content);
      if (running === undefined) break;
      try {
        return await unlessAborted(running.result, signal);
      } catch (error) {
        // Of another address, or given up by its caller, it tells nothing of ours.
        if (running.address === wanted.address && !running.signal.aborted) throw error;
      }
    }
    const result = this.#fetch(wanted, key, signal);
    this.#flights.set(content, { result, address: wanted.address, signal });
    try {
      return await result;
    } finally {
      this.#flights.delete(content);
    }
  }

  async #fetch(wanted: WantedFile, key: string, signal: AbortSignal): Promise<CachedFile> {
    try {
      const file = await this.#bring(wanted, key, signal);
      this.#failed.delete(key);
      return file;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof OperationError) {
        remember(this.#failed, key, { error, untilMs: performance.now() + MODEL_SOURCE_RETRY_MS });
      }
      throw error;
    }
  }

  async #bring(wanted: WantedFile, key: string, signal: AbortSignal): Promise<CachedFile> {
    const { sha256, fileName } = wanted;
    if (sha256 !== undefined) {
      const folder = this.#folderOf(sha256, fileName);
      if (await isFile(`${folder}/${fileName}`)) return { folder, sha256 };
    }
    const before = this.#brought.get(key);
    const isHere = before !== undefined && await isFile(`${before.file.folder}/${fileName}`);
    using clock = new FetchClock(wanted.address, signal);
    clock.restart(MODEL_SOURCE_ANSWER_MS);
    const opened = await wanted.source.open(isHere ? before.validator : undefined, clock.signal);
    if (opened === "unchanged" && before !== undefined) return before.file;
    if (opened === "unchanged") throw new TypeError("A source without a validator is unchanged");
    const file = await this.#store(wanted, opened, clock);
    if (sha256 === undefined && opened.validator !== undefined) {
      remember(this.#brought, key, { validator: opened.validator, file });
    }
    return file;
  }

  async #store(wanted: WantedFile, opened: SourceFile, clock: FetchClock): Promise<CachedFile> {
    const partial = `${this.#folder}/${PARTIAL}${crypto.randomUUID()}`;
    try {
      const sha256 = await this.#write(partial, wanted, opened, clock);
      if (wanted.sha256 !== undefined && sha256 !== wanted.sha256) {
        const text = `its SHA-256 is ${sha256}, needs ${wanted.sha256}`;
        throw unfetched("failed-precondition", wanted.address, text);
      }
      const folder = this.#folderOf(sha256, wanted.fileName);
      await this.#move(partial, folder, wanted.fileName);
      return { folder, sha256 };
    } finally {
      // Not there any more if all went well. What cannot be removed must not hide why.
      await Deno.remove(partial, { recursive: true }).catch(() => {});
    }
  }

  /** @returns the hash of what was written */
  async #write(
    partial: string,
    { address, fileName }: WantedFile,
    opened: SourceFile,
    clock: FetchClock,
  ): Promise<string> {
    try {
      await Deno.mkdir(partial);
      using file = await Deno.open(`${partial}/${fileName}`, { write: true, createNew: true });
      return await writeBody(file, opened, { address, bytesMax: this.#bytesMax, clock });
    } catch (error) {
      if (error instanceof OperationError || clock.signal.aborted) throw error;
      throw unwritable(this.#folder, error);
    } finally {
      if (!opened.body.locked) await opened.body.cancel().catch(() => {});
    }
  }

  async #move(partial: string, folder: string, fileName: string): Promise<void> {
    try {
      await Deno.rename(partial, folder);
    } catch (error) {
      // Another process may have been faster; what it has moved there is the same.
      if (!await isFile(`${folder}/${fileName}`)) throw unwritable(this.#folder, error);
    }
  }

  #folderOf(sha256: string, fileName: string): string {
    return `${this.#folder}/${sha256}-${fileName}`;
  }
}

/** Adds to a map that forgets its oldest: there may be as many as models. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REPOSITORY_MODELS_MAX) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith(PARTIAL)) continue;
    const info = await Deno.stat(`${folder}/${name}`).catch(() => undefined);
    const beganMs = info?.mtime?.getTime() ?? Date.now();
    if (Date.now() - beganMs <= MODEL_SOURCE_TOTAL_MS) continue;
    // Another process may be doing the same.
    await Deno.remove(`${folder}/${name}`, { recursive: true }).catch(() => {});
  }
}

function unwritable(folder: string, cause: unknown): OperationError {
  const reason = cause instanceof Deno.errors.NotCapable
    ? "no permission to read and write it (--allow-read, --allow-write)"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  const text = `Cannot write model cache ${folder}: ${reason}`;
  return new OperationError("failed-precondition", text, { cause });
}
