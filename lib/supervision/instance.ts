import { OperationError } from "../errors.ts";
import type { RecordedStatistic } from "../inference/backend.ts";
import type { PlatformLogEntry } from "../platforms/platform_log.ts";
import { readReport } from "./read_report.ts";
import type {
  InstanceCommand,
  InstanceLoad,
  InstanceReport,
  InstanceServe,
} from "./instance_protocol.ts";

/** A Web Worker that runs `model_instance.ts`, as far as its supervisor uses it. */
export interface InstanceHandle {
  postMessage(command: InstanceCommand): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<InstanceReport>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  /** Takes a thread back that waits to be told to load, in place of terminating it; absent where it cannot. */
  giveBack?: (() => void) | undefined;
}

/** What an instance says while it lives. */
export interface InstanceEvents {
  /** It ended without having been told to: it threw outside of a call, or its thread is gone. */
  onDied(reason: string): void;
  onLog(entry: PlatformLogEntry): void;
  onRecorded(): void;
}

/** Whose models serving threads can make of a definition. */
const INLINE_PLATFORMS = ["linear", "mlp"];

/** What was loaded. */
export type LoadedReport = Extract<InstanceReport, { type: "loaded" }>;

/**
 * One instance of a model: a thread that has loaded it.
 *
 * ```text
 *  load ──► loaded ──► serve … ended
 *    └► failed  └───────┴──────► died, or terminated
 * ```
 */
export class Instance {
  readonly #handle: InstanceHandle;
  /** Who is told; another one once it serves. */
  events: InstanceEvents;
  readonly #loaded = Promise.withResolvers<LoadedReport>();
  readonly #ended = Promise.withResolvers<void>();
  #what = "a model";
  #mayInline = false;
  #isLoaded = false;
  #over = false;
  #recorded: Readonly<Record<string, RecordedStatistic>> = {};

  constructor(handle: InstanceHandle, events: InstanceEvents) {
    this.#handle = handle;
    this.events = events;
    this.#loaded.promise.catch(() => {});
    handle.onmessage = ({ data }) => {
      const report = readReport(data);
      // A thread of its own code, or of a user's: what it says is not taken on trust.
      if (report === undefined) this.#onDeath("it sent a message that is no report");
      else this.#onReport(report);
    };
    handle.onerror = (event) => {
      event.preventDefault();
      this.#onDeath(event.message);
    };
  }

  /** What the model has recorded so far. */
  get recorded(): Readonly<Record<string, RecordedStatistic>> {
    return this.#recorded;
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Resolves when it has ended, however. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Loads and warms the model up.
   *
   * @param timeoutMs after which it is given up
   * @param signal gives it up at once
   * @throws {OperationError} what is wrong with the model; `deadline-exceeded` after the time. Then it is
   * terminated, as it is when the signal aborts, whose reason is thrown.
   */
  async load(
    command: InstanceLoad,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<LoadedReport> {
    const { name, version } = command.source;
    this.#mayInline = command.mayInline && INLINE_PLATFORMS.includes(command.platform);
    this.#what = `model "${name}" version ${version}`;
    const timer = setTimeout(() => {
      const message = `Cannot load ${this.#what}: not loaded after ${timeoutMs} ms`;
      this.#loaded.reject(new OperationError("deadline-exceeded", message));
    }, timeoutMs);
    const giveUp = () => this.#loaded.reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      this.#handle.postMessage(command);
      return await this.#loaded.promise;
    } catch (error) {
      this.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  serve(command: InstanceServe): void {
    this.#handle.postMessage(command);
  }

  /** Ends it without its having served. */
  unload(): void {
    if (!this.#isLoaded || this.#handle.giveBack === undefined) return this.terminate();
    this.#handle.postMessage({ type: "unload" });
  }

  /** Ends it at once; what it runs is lost. */
  terminate(): void {
    // By now the thread may be another's.
    if (this.#over) return;
    this.#over = true;
    this.#handle.terminate();
    this.#loaded.reject(
      new OperationError("unavailable", `Cannot load ${this.#what}: it was given up`),
    );
    this.#ended.resolve();
  }

  #onReport(report: InstanceReport): void {
    switch (report.type) {
      case "loaded":
        if (report.inline !== undefined && !this.#mayInline) {
          return this.#onDeath("it told a definition that nobody has asked for");
        }
        this.#isLoaded = true;
        return this.#loaded.resolve(report);
      case "loadFailed":
        this.#loaded.reject(new OperationError(report.code, report.message));
        return this.#leave();
      case "ended":
        return this.#leave();
      case "quit":
        return this.#onDeath(report.how);
      case "log":
        return this.events.onLog(report.entry);
      case "recorded":
        this.#recorded = report.statistics;
        return this.events.onRecorded();
    }
  }

  /** Its thread is done with the model, and waits for another one. */
  #leave(): void {
    const { giveBack } = this.#handle;
    if (this.#over || giveBack === undefined) return this.terminate();
    this.#over = true;
    giveBack();
    this.#ended.resolve();
  }

  #onDeath(reason: string): void {
    if (this.#over) return;
    this.#loaded.reject(new OperationError("internal", `Cannot load ${this.#what}: ${reason}`));
    this.terminate();
    this.events.onDied(reason);
  }
}
