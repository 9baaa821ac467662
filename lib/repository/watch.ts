import {
  REPOSITORY_DEBOUNCE_MS,
  REPOSITORY_DEBOUNCE_MS_MAX,
  REPOSITORY_RESCAN_MS,
  REPOSITORY_SETTLE_MS,
} from "../limits.ts";

/** How long is waited for what. Units: ms. */
export interface WatchTimes {
  /** After an event, for the next. */
  readonly debounceMs: number;
  /** … all in all, however many come. */
  readonly debounceMsMax: number;
  /** For an event, after a look that an event has caused: others may have been lost beside it. */
  readonly settleMs: number;
  /** For an event, otherwise. */
  readonly rescanMs: number;
}

const TIMES: WatchTimes = {
  debounceMs: REPOSITORY_DEBOUNCE_MS,
  debounceMsMax: REPOSITORY_DEBOUNCE_MS_MAX,
  settleMs: REPOSITORY_SETTLE_MS + REPOSITORY_DEBOUNCE_MS,
  rescanMs: REPOSITORY_RESCAN_MS,
};

/**
 * Tells when a folder should be looked at: at once, soon after something in it has changed, and now and then
 * in any case, since file systems lose events and those of a network tell of none. Yields why.
 *
 * Ends when the signal aborts. Needs permission to read the folder.
 *
 * @param folder absolute, with no symbolic link in it
 * @param isUnsettled asked after each look: whether what it saw was still being written
 */
export async function* watchFolder(
  folder: string,
  signal: AbortSignal,
  isUnsettled: () => boolean,
  times: WatchTimes = TIMES,
): AsyncGenerator<"start" | "event" | "rescan"> {
  await using events = new FolderEvents(folder);
  yield "start";
  let isSoon = isUnsettled();
  while (!signal.aborted) {
    if (await events.next(isSoon ? times.settleMs : times.rescanMs, signal)) {
      const endMs = performance.now() + times.debounceMsMax;
      while (performance.now() < endMs && await events.next(times.debounceMs, signal));
      if (signal.aborted) return;
      yield "event";
      isSoon = true;
    } else {
      if (signal.aborted) return;
      yield "rescan";
      isSoon = isUnsettled();
    }
  }
}

/** What the system tells of a folder; nothing where it cannot. */
class FolderEvents implements AsyncDisposable {
  readonly #folder: string;
  readonly #watcher: Deno.FsWatcher | undefined;
  readonly #listening: Promise<void> | undefined;
  #pending = false;
  #wake = () => {};

  constructor(folder: string) {
    this.#folder = folder;
    try {
      this.#watcher = Deno.watchFs(folder, { recursive: true });
    } catch {
      // Out of inotify watches, say: the rescans go on.
    }
    if (this.#watcher !== undefined) this.#listening = this.#listen(this.#watcher);
  }

  /** @returns whether something has happened since it last said so; false after `ms`, or an abort */
  async next(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", this.#onAbort, { once: true });
      await promise;
      signal.removeEventListener("abort", this.#onAbort);
      clearTimeout(timer);
    }
    const happened = this.#pending && !signal.aborted;
    this.#pending = false;
    return happened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watcher?.close();
    await this.#listening;
  }

  async #listen(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, paths } of watcher) {
        // Our own reading is an access too; and Deno tells all watchers of what one has seen removed.
        if (kind === "access" || paths.length > 0 && !paths.some((path) => this.#holds(path))) {
          continue;
        }
        this.#pending = true;
        this.#wake();
      }
    } catch {
      // The system has stopped telling; the rescans go on.
    }
  }

  #holds(path: string): boolean {
    return path === this.#folder || path.startsWith(`${this.#folder}/`);
  }

  readonly #onAbort = () => this.#wake();
}
