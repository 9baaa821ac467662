import type { IndexEntry } from "../inference/backend.ts";

/** What is known of a version beside what serves. */
interface Attempt {
  readonly model: string;
  /** Empty where no version could be told. */
  readonly version: string;
  readonly state: "LOADING" | "UNAVAILABLE";
  readonly reason: string;
}

/** What became of the versions that were to be loaded. */
export class ModelIndex {
  readonly #attempts = new Map<string, Attempt>();

  startLoading(model: string, version: string): void {
    this.#put({ model, version, state: "LOADING", reason: "" });
  }

  fail(model: string, version: string | undefined, reason: string): void {
    this.#put({ model, version: version ?? "", state: "UNAVAILABLE", reason });
  }

  /** The version has loaded. */
  settle(model: string, version: string): void {
    this.#attempts.delete(keyOf(model, version));
  }

  /** The model is no longer wanted. */
  forget(model: string): void {
    for (const [key, attempt] of this.#attempts) {
      if (attempt.model === model) this.#attempts.delete(key);
    }
  }

  /** Forgets what went wrong: each is tried again now, or is no longer there. */
  forgetFailures(): void {
    for (const [key, { state }] of this.#attempts) {
      if (state === "UNAVAILABLE") this.#attempts.delete(key);
    }
  }

  /** @param serving what serves: a version that does is READY, even where its renewal failed */
  entries(
    serving: readonly { readonly model: string; readonly version: string }[],
  ): readonly IndexEntry[] {
    const entries = serving.map(({ model, version }): IndexEntry => {
      const attempt = this.#attempts.get(keyOf(model, version));
      return { name: model, version, state: "READY", reason: attempt?.reason ?? "" };
    });
    for (const { model, version, state, reason } of this.#attempts.values()) {
      if (entries.some((entry) => entry.name === model && entry.version === version)) continue;
      entries.push({ name: model, version, state, reason });
    }
    return entries.sort((a, b) =>
      a.name === b.name ? Number(a.version) - Number(b.version) : a.name < b.name ? -1 : 1
    );
  }

  #put(attempt: Attempt): void {
    this.#attempts.set(keyOf(attempt.model, attempt.version), attempt);
  }
}

function keyOf(model: string, version: string): string {
  return `${model}/${version}`;
}
