import { join } from "node:path";
import { OperationError } from "../errors.ts";

/** Where log files are kept, and how much of them. */
export interface LogFileOptions {
  /** Made if it is not there. */
  readonly folder: string;
  /** The longest a file gets; one line that is longer has a file of its own. */
  readonly bytesMax: number;
  /** The most files, with the one that is written to. */
  readonly filesMax: number;
}

const NAME = "server.log";

/** A file that is open, and what tells it from another that has taken its name. */
interface OpenFile extends Disposable {
  readonly file: Deno.FsFile;
  readonly about: Deno.FileInfo;
}

/**
 * Log lines in `server.log` of a folder; when the next line would make it too long it becomes `server.log.1`,
 * what had that name `server.log.2`, and so on up to the most files, of which the oldest goes.
 *
 * Lines are written at once, not flushed to the disk: they outlive the process and not a power failure. Before each
 * line the name is looked up: when somebody has moved the file (logrotate) or removed it, the line goes to a new one of
 * that name, and when somebody has cut it short (`copytruncate`) to its new end. One process at a time may write to a
 * folder. A disk that hangs, as one of the network may, holds up the thread that logs.
 *
 * Needs permission to read and to write the folder.
 *
 * Cost: a line takes two or three system calls, some 10 µs.
 */
export class LogFile implements Disposable {
  readonly path: string;
  readonly #options: LogFileOptions;
  #open: OpenFile | undefined;

  /** @throws {OperationError} `invalid-argument` when the folder or the file cannot be written. */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.path = join(options.folder, NAME);
    try {
      Deno.mkdirSync(options.folder, { recursive: true });
      this.#open = openFile(this.path, find(this.path));
    } catch (cause) {
      throw new OperationError(
        "invalid-argument",
        `Cannot log to ${this.path}: ${reasonOf(cause)}`,
        { cause },
      );
    }
  }

  /**
   * Adds a line. When that throws nothing of it is in the file, and the next line may fare better.
   *
   * @throws what the system says, as on a full disk
   */
  write(line: Uint8Array): void {
    let found = find(this.path);
    const size = found?.size ?? 0;
    if (size > 0 && size + line.length > this.#options.bytesMax) {
      this.#shift();
      found = undefined;
    }
    writeWhole(this.#opened(found).file, line, found?.size ?? 0);
  }

  [Symbol.dispose](): void {
    this.#open?.[Symbol.dispose]();
    this.#open = undefined;
  }

  /** The file that has the name now. */
  #opened(found: Deno.FileInfo | undefined): OpenFile {
    if (this.#open !== undefined && isSame(this.#open.about, found)) return this.#open;
    this[Symbol.dispose]();
    return this.#open = openFile(this.path, found);
  }

  /** Gives each file the next name, up to a name that is free: so a failure half-way costs no file. */
  #shift(): void {
    // Windows renames no file that is open.
    this[Symbol.dispose]();
    const { filesMax } = this.#options;
    const names = Array.from(
      { length: filesMax },
      (_, index) => index === 0 ? this.path : `${this.path}.${index}`,
    );
    const free = names.findIndex((name) => find(name) === undefined);
    const last = free === -1 ? filesMax - 1 : free;
    for (let index = last; index > 0; index--) Deno.renameSync(names[index - 1], names[index]);
    if (filesMax === 1) Deno.removeSync(this.path);
    this.#removeBeyond();
  }

  /** What is there from when there might be more files. */
  #removeBeyond(): void {
    for (let number = this.#options.filesMax;; number++) {
      const name = `${this.path}.${number}`;
      if (find(name) === undefined) return;
      Deno.removeSync(name);
    }
  }
}

/** What the system says, without the name that the message has already. */
export function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.replace(/: \w+ '.*'$/s, "");
}

/** @param found what has the name now, if anything has */
function openFile(path: string, found: Deno.FileInfo | undefined): OpenFile {
  // Opening one would wait until somebody reads it.
  if (found?.isFifo === true) throw new Error("it is a pipe");
  const file = Deno.openSync(path, { append: true, create: true });
  return { file, about: file.statSync(), [Symbol.dispose]: () => file.close() };
}

function isSame(open: Deno.FileInfo, found: Deno.FileInfo | undefined): boolean {
  return open.ino === found?.ino && open.dev === found.dev;
}

function find(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** @param size of the file before */
function writeWhole(file: Deno.FsFile, line: Uint8Array, size: number): void {
  let rest = line;
  try {
    while (rest.length > 0) rest = rest.subarray(file.writeSync(rest));
  } catch (error) {
    // A part of a line would spoil the file for those that read it as JSON.
    if (rest.length < line.length) file.truncateSync(size);
    throw error;
  }
}
