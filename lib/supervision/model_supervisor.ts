import { OperationError } from "../errors.ts";
import type { IndexEntry } from "../inference/backend.ts";
import { INSTANCE_ROUND_MS, MODEL_DRAIN_MS } from "../limits.ts";
import type { ModelPlan, RepositoryPlan, VersionPlan } from "../repository/model_plan.ts";
import type { GenerationDescriptor, ModelTableDescriptor } from "../runtime/generation.ts";
import { LINEAR_MODEL } from "../runtime/linear_backend.ts";
import { ModelIndex } from "./model_index.ts";

/** A generation that has loaded, as far as it is supervised here. */
export interface Generation {
  readonly descriptor: GenerationDescriptor;
  /** Tells what it was loaded from. */
  readonly fingerprint: string;
  check(): void;
  forgetThread(owner: number, thread: number): void;
  drain(timeoutMs: number): Promise<void>;
  terminate(): void;
}

/** Loads a version as a new generation; rejects with OperationError. */
export type LoadGeneration = (model: ModelPlan, version: VersionPlan) => Promise<Generation>;

/** What an operator wants to know of models. */
export interface ModelEvents {
  onModelServes(model: string, version: string, platform: string, tookMs: number): void;
  onModelUnloaded(model: string, version: string): void;
  onModelFailed(model: string, version: string | undefined, reason: string): void;
}

/** What a supervisor works with. */
export interface ModelSupervisorOptions {
  readonly load: LoadGeneration;
  /** Tells all serving threads; resolves once each serves what the table says, and nothing else. */
  readonly publish: (table: ModelTableDescriptor) => Promise<void>;
  readonly events: ModelEvents;
}

/**
 * Decides which generations serve, on the main thread.
 *
 * A version that is wanted loads beside what serves; then all threads switch, and what it replaces drains.
 * What fails to load changes nothing but the index: an older version serves on.
 *
 * One change of a model at a time; different models load side by side.
 */
export class ModelSupervisor {
  readonly #options: ModelSupervisorOptions;
  readonly #live = new Set<Generation>();
  readonly #draining = new Map<Generation, Promise<void>>();
  readonly #index = new ModelIndex();
  readonly #changes = new Map<string, Promise<void>>();
  readonly #rounds: ReturnType<typeof setInterval>;
  #revision = 0;
  #ready = false;
  #closed = false;
  #publishing: Promise<void> = Promise.resolve();

  constructor(options: ModelSupervisorOptions) {
    this.#options = options;
    this.#rounds = setInterval(() => {
      for (const generation of this.#all()) generation.check();
    }, INSTANCE_ROUND_MS);
  }

  /** What serves now, for a thread that starts. */
  get table(): ModelTableDescriptor {
    return {
      revision: this.#revision,
      ready: this.#ready,
      generations: [...this.#live].map(({ descriptor }) => descriptor),
    };
  }

  /** What the repository has, and what is wrong with it. */
  get index(): readonly IndexEntry[] {
    return this.#index.entries([...this.#live].map(({ descriptor }) => descriptor));
  }

  /** The generations that serve. */
  get generations(): readonly Generation[] {
    return [...this.#live];
  }

  /**
   * Makes what the plan says serve, and nothing else; resolves when each version serves or has failed.
   * From then on the server is ready.
   */
  async reconcile(plan: RepositoryPlan): Promise<void> {
    this.#index.forgetFailures();
    for (const { name, version, reason } of plan.problems) this.#fail(name, version, reason);
    const wanted = new Set([...plan.models, ...plan.problems].map(({ name }) => name));
    const gone = this.generations.filter(({ descriptor }) => !wanted.has(descriptor.model));
    await Promise.all([
      ...plan.models.map((model) =>
        this.#change(model.name, () => this.#serve(model)).catch(() => {})
      ),
      ...new Set(gone.map(({ descriptor }) => descriptor.model)),
    ].map((change) => typeof change === "string" ? this.#unload(change, "if loaded") : change));
    if (this.#ready) return;
    this.#ready = true;
    await this.#publish();
  }

  /** Nothing is to be loaded at the start: the server is ready as it is. */
  async becomeReady(): Promise<void> {
    this.#ready = true;
    await this.#publish();
  }

  /**
   * Makes a model serve as planned.
   *
   * @throws {OperationError} why a version could not be loaded, the first of those that could not
   */
  load(plan: () => Promise<ModelPlan>, model: string): Promise<void> {
    return this.#change(model, async () => {
      const planned = await plan();
      this.#index.forget(model);
      await this.#serve(planned);
    });
  }

  /** Lets no version of a model serve any more; resolves when its calls have ended. */
  unload(model: string): Promise<void> {
    return this.#unload(model, "must be loaded");
  }

  /** A serving thread is dead. */
  forgetThread(owner: number, thread: number): void {
    for (const generation of this.#all()) generation.forgetThread(owner, thread);
  }

  /** Ends all models; the serving threads are gone. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#rounds);
    for (const generation of this.#all()) generation.terminate();
    this.#live.clear();
  }

  /** All that have instances: those that drain are watched, too. */
  #all(): Generation[] {
    return [...this.#live, ...this.#draining.keys()];
  }

  #unload(model: string, when: "must be loaded" | "if loaded"): Promise<void> {
    return this.#change(model, async () => {
      const live = this.#liveOf(model);
      if (live.length === 0) {
        // Somebody else may have asked for it meanwhile.
        if (when === "if loaded") return;
        throw new OperationError("not-found", `Cannot unload model "${model}": it is not loaded`);
      }
      this.#index.forget(model);
      await this.#replace(live, []);
      await Promise.all(live.map((generation) => this.#draining.get(generation)));
    });
  }

  /** Runs `change` when the changes of the model before it are over. */
  #change(model: string, change: () => Promise<void>): Promise<void> {
    const before = this.#changes.get(model) ?? Promise.resolve();
    const changed = before.then(change);
    const over = changed.catch(() => {});
    this.#changes.set(model, over);
    over.then(() => {
      if (this.#changes.get(model) === over) this.#changes.delete(model);
    });
    return changed;
  }

  async #serve(model: ModelPlan): Promise<void> {
    if (model.name === LINEAR_MODEL) {
      const reason = `the name "${LINEAR_MODEL}" is taken by the model that is built in`;
      this.#fail(model.name, undefined, reason);
      throw new OperationError(
        "failed-precondition",
        `Cannot load model "${model.name}": ${reason}`,
      );
    }
    const live = this.#liveOf(model.name);
    const missing = model.versions.filter((version) =>
      !live.some(({ fingerprint, descriptor }) =>
        fingerprint === version.fingerprint && descriptor.version === version.version
      )
    );
    const outcomes = await Promise.allSettled(missing.map((version) => this.#load(model, version)));
    const loaded = outcomes.filter((outcome) => outcome.status === "fulfilled").map(({ value }) =>
      value
    );
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    const old = live.filter(({ descriptor: { version } }) => {
      const replaced = loaded.some(({ descriptor }) => descriptor.version === version);
      // What is no longer wanted goes only once everything that is wanted is there.
      const dropped = failed === undefined &&
        !model.versions.some((planned) => planned.version === version);
      return replaced || dropped;
    });
    if (old.length > 0 || loaded.length > 0) await this.#replace(old, loaded);
    if (failed !== undefined) throw failed.reason;
  }

  async #load(model: ModelPlan, version: VersionPlan): Promise<Generation> {
    const startMs = performance.now();
    this.#index.startLoading(model.name, version.version);
    try {
      const generation = await this.#options.load(model, version);
      this.#index.settle(model.name, version.version);
      const { platform } = generation.descriptor;
      const tookMs = Math.round(performance.now() - startMs);
      this.#options.events.onModelServes(model.name, version.version, platform, tookMs);
      return generation;
    } catch (cause) {
      const error = asOperationError(cause, model.name, version.version);
      this.#fail(model.name, version.version, error.message);
      throw error;
    }
  }

  /** All threads switch; then what serves no more drains, which nobody waits for. */
  async #replace(old: readonly Generation[], fresh: readonly Generation[]): Promise<void> {
    if (this.#closed) {
      for (const generation of fresh) generation.terminate();
      return;
    }
    for (const generation of old) this.#live.delete(generation);
    for (const generation of fresh) this.#live.add(generation);
    const switched = this.#publish();
    for (const generation of old) this.#draining.set(generation, this.#drain(generation, switched));
    await switched;
  }

  async #drain(generation: Generation, switched: Promise<void>): Promise<void> {
    await switched;
    await generation.drain(MODEL_DRAIN_MS);
    this.#draining.delete(generation);
    const { model, version } = generation.descriptor;
    this.#options.events.onModelUnloaded(model, version);
  }

  /** One at a time, so that threads see tables in their order; each tells what serves when it is sent. */
  #publish(): Promise<void> {
    this.#revision++;
    const published = this.#publishing.then(() => this.#options.publish(this.table));
    // One table that could not be sent must not keep the next from being.
    this.#publishing = published.catch(() => {});
    return published;
  }

  #liveOf(model: string): Generation[] {
    return [...this.#live].filter(({ descriptor }) => descriptor.model === model);
  }

  #fail(model: string, version: string | undefined, reason: string): void {
    this.#index.fail(model, version, reason);
    this.#options.events.onModelFailed(model, version, reason);
  }
}

/** Whatever a load throws is told to whoever asked for it, and leaves the others. */
function asOperationError(error: unknown, model: string, version: string): OperationError {
  if (error instanceof OperationError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const message = `Cannot load model "${model}" version ${version}: ${reason}`;
  return new OperationError("internal", message, { cause: error });
}
