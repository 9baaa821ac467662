import { OperationError } from "../errors.ts";
import type { RecordedStatistic } from "../inference/backend.ts";
import type { PlatformLogEntry } from "../platforms/platform_log.ts";
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
}

/** What an instance says while it lives. */
export interface InstanceEvents {
  /** It ended without having been told to: it threw outside of a call, or its thread is gone. */
  onDied(reason: string): void;
  onLog(entry: PlatformLogEntry): void;
  onRecorded(): void;
}

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
  #over = false;
  #recorded: Readonly<Record<string, RecordedStatistic>> = {};

  constructor(handle: InstanceHandle, events: InstanceEvents) {
    this.#handle = handle;
    this.events = events;
    this.#loaded.promise.catch(() => {});
    handle.onmessage = ({ data }) => this.#onReport(data);
    handle.onerror = (event) => {
      event.preventDefault();
      this.#onDeath(event.message);
    };
  }

  /** What the model has recorded so far. */
  get recorded(): Readonly<Record<string, RecordedStatistic>> {
    return this.#recorded;
  }

  /** Resolves when it has ended, however. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Loads and warms the model up.
   *
   * @param timeoutMs after which it is given up
   * @throws {OperationError} what is wrong with the model; `deadline-exceeded` after the time. Then it is
   * terminated.
   */
  async load(command: InstanceLoad, timeoutMs: number): Promise<LoadedReport> {
    const { name, version } = command.source;
    this.#what = `model "${name}" version ${version}`;
    const timer = setTimeout(() => {
      const message = `Cannot load ${this.#what}: not loaded after ${timeoutMs} ms`;
      this.#loaded.reject(new OperationError("deadline-exceeded", message));
    }, timeoutMs);
    this.#handle.postMessage(command);
    try {
      return await this.#loaded.promise;
    } catch (error) {
      this.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  serve(command: InstanceServe): void {
    this.#handle.postMessage(command);
  }

  /** Ends it at once; what it runs is lost. */
  terminate(): void {
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
        return this.#loaded.resolve(report);
      case "loadFailed":
        return this.#loaded.reject(new OperationError(report.code, report.message));
      case "ended":
        return this.terminate();
      case "quit":
        return this.#onDeath(report.how);
      case "log":
        return this.events.onLog(report.entry);
      case "recorded":
        this.#recorded = report.statistics;
        return this.events.onRecorded();
    }
  }

  #onDeath(reason: string): void {
    if (this.#over) return;
    this.#loaded.reject(new OperationError("internal", `Cannot load ${this.#what}: ${reason}`));
    this.terminate();
    this.events.onDied(reason);
  }
}
