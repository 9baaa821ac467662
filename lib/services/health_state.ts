/** Whether a service can answer calls. Source: health.proto, `ServingStatus`. */
export type ServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING";

/** What a watcher is told: also that a service is not known, which may change. */
export type WatchedStatus = ServingStatus | "SERVICE_UNKNOWN";

/** A watch of one service; `changed` resolves when there may be something to tell. */
interface Watcher {
  readonly service: string;
  changed: PromiseWithResolvers<void>;
}

/**
 * The statuses of the services of one serving thread, with those who watch them.
 *
 * A service is known from its first `set` on; the server as a whole is the service "". A watch costs a
 * set's entry while it is open and nothing after it; how many are open, streams bound.
 *
 * Source: health.proto; gRPC "Health Checking Protocol" (doc/health-checking.md).
 */
export class HealthState {
  readonly #statuses = new Map<string, ServingStatus>();
  readonly #watchers = new Set<Watcher>();
  #draining = false;

  /** All statuses by service. */
  get statuses(): ReadonlyMap<string, ServingStatus> {
    return this.#statuses;
  }

  /** Watches that are open now. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Changes a status, and tells those who watch it. Does nothing once the server drains. */
  set(service: string, status: ServingStatus): void {
    if (this.#draining) return;
    this.#statuses.set(service, status);
    for (const watcher of this.#watchers) {
      if (watcher.service === service) watcher.changed.resolve();
    }
  }

  /** Makes all statuses NOT_SERVING for good. Each watch tells so, and ends. */
  drain(): void {
    this.#draining = true;
    for (const service of this.#statuses.keys()) this.#statuses.set(service, "NOT_SERVING");
    for (const watcher of this.#watchers) watcher.changed.resolve();
  }

  /**
   * Yields the status of a service now and whenever it has changed, until the server drains or
   * `signal` aborts.
   *
   * A reader that is slower than the changes gets the last one: nothing is queued.
   */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<WatchedStatus, void, void> {
    const watcher: Watcher = { service, changed: Promise.withResolvers<void>() };
    const wake = () => watcher.changed.resolve();
    signal.addEventListener("abort", wake, { once: true });
    this.#watchers.add(watcher);
    try {
      let told: WatchedStatus | undefined;
      while (!signal.aborted) {
        const status = this.#statuses.get(service) ?? "SERVICE_UNKNOWN";
        if (status !== told) {
          told = status;
          yield status;
        } else if (this.#draining) {
          return;
        } else {
          await watcher.changed.promise;
          watcher.changed = Promise.withResolvers<void>();
        }
      }
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener("abort", wake);
    }
  }
}
