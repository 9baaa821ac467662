import {
  STORE_CALLS_MAX,
  STORE_CLOSE_MS,
  STORE_RESTART_MS,
  STORE_RESTART_MS_MAX,
} from "../limits.ts";
import { CallClaims } from "./call_claims.ts";
import type { StoreOptions } from "./store_options.ts";
import { storePermissions } from "./store_permissions.ts";
import type { StoreCommand, StoreNews, StorePart, StoreReport } from "./store_protocol.ts";
import { describeStore, type StoreUrl } from "./store_url.ts";

/** A Web Worker that runs `store_thread.ts`, as far as its host uses it. */
export interface StoreThread {
  postMessage(command: StoreCommand, transfer: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<StoreReport>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** What a host is made of. */
export interface StoreHostParts {
  readonly url: StoreUrl;
  readonly options: StoreOptions;
  spawn(permissions: Deno.PermissionOptionsObject): StoreThread;
  /** It is open, the first time or again. */
  onOpened(store: string): void;
  /** It could not be opened, or its thread died; it is tried again. Told once for each reason in a row. */
  onDown(store: string, reason: string): void;
}

/** A serving thread, as far as it is told of the store. */
export type Tell = (news: StoreNews, transfer: Transferable[]) => void;

/**
 * The main thread's end of the store: starts its thread, of SQLite another one that only reads, when it is first
 * needed, gives each serving thread a line to them, and starts others when one dies or could not open the store.
 *
 * ```text
 *  idle ──need()──► opening ──opened──► open
 *                   ▲     └──failed──► down ◄──died──┘
 *                   └──after a while────┘
 * ```
 */
export class StoreHost {
  readonly #parts: StoreHostParts;
  readonly #members = new Set<Tell>();
  /** The first does all but what the second, if there is one, only reads. */
  #threads: StoreThread[] = [];
  #state: "idle" | "opening" | "open" | "down" | "closed" = "idle";
  #downReason = "";
  #openedMs = 0;
  #restartMs = STORE_RESTART_MS;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(parts: StoreHostParts) {
    this.#parts = parts;
  }

  /** Has the store opened, now or as soon as it can be; who has joined is told. */
  need(): void {
    if (this.#state === "idle") this.#open();
  }

  /**
   * Has a serving thread told of the store, from now on.
   *
   * @returns has it told no more: for a thread that is gone
   */
  join(tell: Tell): () => void {
    this.#members.add(tell);
    if (this.#state === "open") this.#link(tell);
    if (this.#state === "down") tell({ type: "storeLost", reason: this.#downReason }, []);
    return () => this.#members.delete(tell);
  }

  /** Has the threads finish what has arrived and close the store; they are ended in the end in any case. */
  async close(): Promise<void> {
    clearTimeout(this.#restart);
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    if (wasOpen) {
      const waitMs = this.#parts.options.timeoutMs + STORE_CLOSE_MS;
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => late.resolve(), waitMs);
      // The last to close the file has to be one that may write it.
      for (const thread of this.#threads.toReversed()) {
        this.#closing = Promise.withResolvers();
        thread.postMessage({ type: "close" }, []);
        await Promise.race([this.#closing.promise, late.promise]);
      }
      clearTimeout(timer);
    }
    this.#end();
  }

  #open(): void {
    this.#state = "opening";
    this.#spawn("all");
  }

  #spawn(part: StorePart): void {
    const { url, options, spawn } = this.#parts;
    const thread = spawn(storePermissions(url, part));
    this.#threads.push(thread);
    thread.onmessage = ({ data }) => this.#onReport(data);
    thread.onerror = (event) => {
      event.preventDefault();
      this.#onDown(`its thread died: ${event.message}`);
    };
    thread.postMessage({ type: "open", part, url, options }, []);
  }

  #onReport(report: StoreReport): void {
    switch (report.type) {
      case "opened":
        return this.#onOpened();
      case "openFailed":
        return this.#onDown(report.message);
      case "quit":
        return this.#onDown(`its thread ended itself: ${report.how}`);
      case "closed":
        return this.#closing?.resolve();
    }
  }

  #onOpened(): void {
    if (this.#state !== "opening") return;
    // Who writes waits for the disk, which who reads need not; it has made the file by now.
    if (this.#parts.url.kind === "sqlite" && this.#threads.length === 1) {
      return this.#spawn("reads");
    }
    this.#state = "open";
    this.#downReason = "";
    this.#openedMs = performance.now();
    this.#parts.onOpened(describeStore(this.#parts.url));
    for (const tell of this.#members) this.#link(tell);
  }

  #onDown(reason: string): void {
    // Whoever else has to finish does.
    if (this.#state === "closed") return this.#closing?.resolve();
    this.#end();
    const openMs = this.#state === "open" ? performance.now() - this.#openedMs : 0;
    // It did not die of being opened.
    if (openMs >= STORE_RESTART_MS_MAX) this.#restartMs = STORE_RESTART_MS;
    this.#state = "down";
    for (const tell of this.#members) tell({ type: "storeLost", reason }, []);
    if (reason !== this.#downReason) {
      this.#parts.onDown(describeStore(this.#parts.url), reason);
    }
    this.#downReason = reason;
    this.#restart = setTimeout(() => this.#open(), this.#restartMs);
    this.#restartMs = Math.min(2 * this.#restartMs, STORE_RESTART_MS_MAX);
  }

  #end(): void {
    for (const thread of this.#threads.splice(0)) {
      thread.onmessage = null;
      thread.onerror = null;
      thread.terminate();
    }
  }

  #link(tell: Tell): void {
    const claims = CallClaims.allocate(STORE_CALLS_MAX);
    const [port, readPort] = this.#threads.map((thread) => {
      const { port1, port2 } = new MessageChannel();
      thread.postMessage({ type: "join", port: port2, claims }, [port2]);
      return port1;
    });
    const ports = readPort === undefined ? [port] : [port, readPort];
    tell({ type: "storeJoined", port, readPort, claims }, ports);
  }
}
