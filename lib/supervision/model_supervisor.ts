import { messageOf, OperationError, quoted } from "../errors.ts";
import type { IndexEntry } from "../inference/backend.ts";
import { INSTANCE_ROUND_MS, MODEL_DRAIN_MS } from "../limits.ts";
import type { ModelPlan, RepositoryPlan, VersionPlan } from "../repository/model_plan.ts";
import type { GenerationDescriptor, ModelTableDescriptor } from "../runtime/generation.ts";
import { LINEAR_MODEL } from "../runtime/linear_backend.ts";
import { FailedLoads } from "./failed_loads.ts";
import { LoadsUnderWay } from "./loads_under_way.ts";
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

/**
 * Loads a version as a new generation; rejects with OperationError. When the signal aborts, it ends what it
 * has begun and rejects with the signal's reason.
 */
export type LoadGeneration = (
  model: ModelPlan,
  version: VersionPlan,
  signal: AbortSignal,
) => Promise<Generation>;

/** What of a model should serve, as its folder is now. */
export type PlanModel = (signal: AbortSignal) => Promise<ModelPlan>;

/** What an operator wants to know of models. */
export interface ModelEvents {
  onModelServes(model: string, version: string, platform: string, tookMs: number): void;
  onModelUnloaded(model: string, version: string): void;
  onModelFailed(model: string, version: string | undefined, reason: string): void;
  /** Its load was given up, as somebody asked for. */
  onLoadGivenUp(model: string, version: string, reason: string): void;
}

/** What a supervisor works with. */
export interface ModelSupervisorOptions {
  readonly load: LoadGeneration;
  /** Tells all serving threads; resolves once each serves what the table says, and nothing else. */
  readonly publish: (table: ModelTableDescriptor) => Promise<void>;
  readonly events: ModelEvents;
  /** Whether what was planned and could not be loaded is tried again; by default only in another plan. */
  readonly retries?: boolean;
}

/**
 * Decides which generations serve, on the main thread.
 *
 * A version that is wanted loads beside what serves; then all threads switch, and what it replaces drains.
 * What fails to load changes nothing but the index: an older version serves on.
 *
 * One change of a model at a time; different models load side by side. A load that nobody wants any more, since
 * the model is unloaded, its files have become others or the server ends, is given up where it is.
 */
export class ModelSupervisor {
  readonly #options: ModelSupervisorOptions;
  readonly #live = new Set<Generation>();
  readonly #draining = new Map<Generation, Promise<void>>();
  readonly #index = new ModelIndex();
  readonly #changes = new Map<string, Promise<void>>();
  readonly #loads = new LoadsUnderWay();
  readonly #failed: FailedLoads | undefined;
  /** By name, as each model was last planned; what is in line for an older plan is left out. */
  #planned: ReadonlyMap<string, ModelPlan> = new Map();
  #toldProblems: Set<string> = new Set();
  readonly #rounds: ReturnType<typeof setInterval>;
  #revision = 0;
  #ready = false;
  readonly #readiness = Promise.withResolvers<void>();
  #closed = false;
  #publishing: Promise<void> = Promise.resolve();

  constructor(options: ModelSupervisorOptions) {
    this.#options = options;
    if (options.retries) {
      this.#failed = new FailedLoads((name) => {
        const model = this.#planned.get(name);
        if (model !== undefined) this.#follow(model);
      });
    }
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
   * From then on the server is ready, unless the plan awaits more.
   */
  async reconcile(plan: RepositoryPlan): Promise<void> {
    this.#index.forgetFailures();
    this.#tellProblems(plan.problems);
    this.#failed?.retain(plan.models);
    // A load that somebody has asked for may be of a folder that is younger than the plan.
    const known = [...this.#planned.keys(), ...this.#liveModels()];
    this.#planned = new Map(plan.models.map((model) => [model.name, model]));
    const wanted = new Set(
      [...plan.models, ...plan.problems, ...plan.pending].map(({ name }) => name),
    );
    const gone = new Set(known.filter((name) => !wanted.has(name)));
    await Promise.all([
      ...plan.models.map((model) => this.#follow(model)),
      ...[...gone].map((name) => this.#unload(name, "if loaded")),
    ]);
    if (plan.pending.some(({ isAwaited }) => isAwaited)) return;
    await this.becomeReady();
  }

  /** All that was to be loaded at the start serves or has failed: the server is ready as it is. */
  async becomeReady(): Promise<void> {
    if (this.#ready) return;
    this.#ready = true;
    try {
      await this.#publish();
    } finally {
      this.#readiness.resolve();
    }
  }

  /** Resolves when the server has become ready, or ends. */
  get readiness(): Promise<void> {
    return this.#readiness.promise;
  }

  /**
   * Makes a model serve as planned. What loads already, of files that are no longer so, is given up.
   *
   * @param plan asked when it is the model's turn; rejects with the signal's reason
   * @throws {OperationError} why a version could not be loaded, the first of those that could not;
   * `failed-precondition` when it was given up for an unload or other files, `unavailable` at the server's end
   */
  async load(plan: PlanModel, model: string): Promise<void> {
    const isLoading = this.#loads.has(model);
    using load = this.#loads.begin(model, undefined);
    const turn = new AbortController();
    if (isLoading) this.#giveUpOutdated(plan, model, AbortSignal.any([load.signal, turn.signal]));
    await this.#change(model, async () => {
      turn.abort();
      load.signal.throwIfAborted();
      const planned = await plan(load.signal);
      this.#index.forget(model);
      await this.#serve(planned, load.signal, "now");
    });
  }

  /**
   * Lets no version of a model serve any more, nor load; resolves when its calls have ended.
   *
   * @throws {OperationError} `not-found` when none does
   */
  unload(model: string): Promise<void> {
    return this.#unload(model, "must be loaded");
  }

  /** A serving thread is dead. */
  forgetThread(owner: number, thread: number): void {
    for (const generation of this.#all()) generation.forgetThread(owner, thread);
  }

  /** Gives up all loads, and those that will be asked for; what serves goes on. */
  stopLoading(): void {
    this.#loads.close(new OperationError("unavailable", "The load was given up: the server ends"));
  }

  /** Ends all models; the serving threads are gone. */
  close(): void {
    this.#closed = true;
    this.#readiness.resolve();
    this.stopLoading();
    this.#failed?.retain([]);
    clearInterval(this.#rounds);
    for (const generation of this.#all()) generation.terminate();
    this.#live.clear();
  }

  /** All that have instances: those that drain are watched, too. */
  #all(): Generation[] {
    return [...this.#live, ...this.#draining.keys()];
  }

  /** What has been told of the plan before is not told again: there is a plan whenever anything changes. */
  #tellProblems(problems: RepositoryPlan["problems"]): void {
    const toldBefore = this.#toldProblems;
    this.#toldProblems = new Set();
    for (const { name, version, reason } of problems) {
      const problem = JSON.stringify([name, version, reason]);
      this.#toldProblems.add(problem);
      this.#index.fail(name, version, reason);
      if (!toldBefore.has(problem)) this.#options.events.onModelFailed(name, version, reason);
    }
  }

  /** Makes a model serve as the repository has planned it, unless that has another plan by then. */
  async #follow(model: ModelPlan): Promise<void> {
    const { name, versions } = model;
    this.#loads.giveUpOutdated(name, versions, givenUp(name, "its files have changed"));
    {
      using load = this.#loads.begin(name, undefined);
      await this.#change(name, async () => {
        if (this.#planned.get(name) === model) await this.#serve(model, load.signal, "when due");
      }).catch(() => {});
    }
    // What came in between belongs to the same model: it is settled when all is.
    await this.#changes.get(name);
  }

  /** A load that hangs must not keep what is asked for now in line, if its files are no longer those. */
  async #giveUpOutdated(plan: PlanModel, model: string, signal: AbortSignal): Promise<void> {
    try {
      const { versions } = await plan(signal);
      if (signal.aborted) return;
      const reason = givenUp(model, "it was asked for anew, with other files");
      this.#loads.giveUpOutdated(model, versions, reason);
    } catch {
      // Whoever asks is told when it is the model's turn.
    }
  }

  #unload(model: string, when: "must be loaded" | "if loaded"): Promise<void> {
    const wasLoading = this.#loads.giveUp(model, givenUp(model, "it was unloaded"));
    return this.#change(model, async () => {
      const live = this.#liveOf(model);
      if (live.length === 0 && !wasLoading) {
        // Somebody else may have asked for it meanwhile.
        if (when === "if loaded") return;
        throw new OperationError(
          "not-found",
          `Cannot unload model ${quoted(model)}: it is not loaded`,
        );
      }
      this.#index.forget(model);
      this.#failed?.forget(model);
      if (live.length === 0) return;
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

  /** @param retry when versions are tried again that have just failed and have not changed */
  async #serve(model: ModelPlan, signal: AbortSignal, retry: "now" | "when due"): Promise<void> {
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
    const outcomes = await Promise.allSettled(
      missing.map((version) => {
        const error = retry === "now" ? undefined : this.#failed?.find(model, version);
        if (error === undefined) return this.#load(model, version, signal);
        this.#index.fail(model.name, version.version, error.message);
        return Promise.reject(error);
      }),
    );
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

  async #load(
    model: ModelPlan,
    version: VersionPlan,
    change: AbortSignal,
  ): Promise<Generation> {
    const startMs = performance.now();
    using load = this.#loads.begin(model.name, version);
    const signal = AbortSignal.any([change, load.signal]);
    this.#index.startLoading(model.name, version.version);
    try {
      signal.throwIfAborted();
      const generation = await this.#options.load(model, version, signal);
      this.#index.settle(model.name, version.version);
      this.#failed?.remove(model, version);
      const { platform } = generation.descriptor;
      const tookMs = Math.round(performance.now() - startMs);
      this.#options.events.onModelServes(model.name, version.version, platform, tookMs);
      return generation;
    } catch (cause) {
      const error = asOperationError(cause, model.name, version.version);
      if (signal.aborted) {
        this.#index.settle(model.name, version.version);
        this.#options.events.onLoadGivenUp(model.name, version.version, error.message);
        throw error;
      }
      this.#fail(model.name, version.version, error.message);
      this.#failed?.add(model, version, error);
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

  #liveModels(): string[] {
    return [...this.#live].map(({ descriptor }) => descriptor.model);
  }

  #liveOf(model: string): Generation[] {
    return [...this.#live].filter(({ descriptor }) => descriptor.model === model);
  }

  #fail(model: string, version: string | undefined, reason: string): void {
    this.#index.fail(model, version, reason);
    this.#options.events.onModelFailed(model, version, reason);
  }
}

function givenUp(model: string, why: string): OperationError {
  const message = `Cannot load model "${model}": the load was given up, as ${why}`;
  return new OperationError("failed-precondition", message);
}

/** Whatever a load throws is told to whoever asked for it, and leaves the others. */
function asOperationError(error: unknown, model: string, version: string): OperationError {
  if (error instanceof OperationError) return error;
  const reason = messageOf(error);
  const message = `Cannot load model "${model}" version ${version}: ${reason}`;
  return new OperationError("internal", message, { cause: error });
}
