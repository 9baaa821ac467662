import { OperationError } from "../errors.ts";
import type { IndexEntry } from "../inference/backend.ts";
import type { RepositoryPlan } from "../repository/model_plan.ts";
import type { ModelRepository } from "../repository/repository.ts";
import type { ModelTableDescriptor } from "../runtime/generation.ts";
import type { ModelCommand, ModelCommandResult } from "../runtime/model_commands.ts";
import { ModelSupervisor, type ModelSupervisorOptions } from "./model_supervisor.ts";

/** After a failure of its own the watching begins anew this much later. */
const WATCH_RETRY_MS = 1_000;

const NOT_LOADED = { state: "UNAVAILABLE", reason: "it is not loaded" } as const;

/** Where models come from, and when. */
export interface ModelsOptions extends Omit<ModelSupervisorOptions, "retries"> {
  /** Undefined: there are no models but what is built in. */
  readonly repository: ModelRepository | undefined;
  readonly mode: "all" | "watch" | "explicit";
  /** Something went wrong that is nobody's fault but the program's; it goes on. */
  readonly onRepositoryFailed: (reason: string) => void;
}

/** The models of a server, on its main thread: what the repository has, as asked for. */
export class Models {
  readonly #repository: ModelRepository | undefined;
  readonly #mode: ModelsOptions["mode"];
  readonly #supervisor: ModelSupervisor;
  readonly #stop = new AbortController();
  readonly #onRepositoryFailed: (reason: string) => void;

  constructor({ repository, mode, onRepositoryFailed, ...options }: ModelsOptions) {
    this.#onRepositoryFailed = onRepositoryFailed;
    this.#repository = repository;
    this.#mode = mode;
    this.#supervisor = new ModelSupervisor({ ...options, retries: mode === "watch" });
  }

  /** What serves now, for a thread that starts. */
  get table(): ModelTableDescriptor {
    return this.#supervisor.table;
  }

  /**
   * Loads what is to be loaded at the start, then goes on watching where that was asked for. The threads
   * serve meanwhile. Resolves when all that was to be loaded serves or has failed.
   *
   * @throws {OperationError} when the repository cannot be read at all
   */
  async start(): Promise<void> {
    const repository = this.#repository;
    if (repository === undefined || this.#mode === "explicit") {
      return await this.#supervisor.becomeReady();
    }
    const plan = await repository.plan(this.#stop.signal);
    if (this.#mode === "all") return await this.#supervisor.reconcile(plan);
    this.#reconcile(plan);
    this.#watch(repository);
    await this.#supervisor.readiness;
  }

  /** Carries out what a client has asked for. Never rejects. */
  async run(command: ModelCommand): Promise<ModelCommandResult> {
    try {
      if (command.kind === "index") return { kind: "done", index: await this.#index() };
      await this.#run(command);
      return { kind: "done", index: [] };
    } catch (error) {
      if (error instanceof OperationError) {
        return { kind: "failed", code: error.code, message: error.message };
      }
      this.#onRepositoryFailed(`${command.kind}: ${error}`);
      const message = `Cannot ${command.kind} models: the server has failed`;
      return { kind: "failed", code: "internal", message };
    }
  }

  /** A serving thread is dead: what it held of the models is freed. */
  forgetThread(owner: number, thread: number): void {
    this.#supervisor.forgetThread(owner, thread);
  }

  /** Gives up what is being loaded, and all that is asked for from now on; what serves goes on. */
  stopLoading(): void {
    this.#stop.abort(new OperationError("unavailable", "The load was given up: the server ends"));
    this.#supervisor.stopLoading();
  }

  /** Ends all models; the serving threads are gone. */
  async close(): Promise<void> {
    this.stopLoading();
    this.#supervisor.close();
    await this.#repository?.[Symbol.asyncDispose]();
  }

  /** What serves, was to be loaded, or could be. */
  async #index(): Promise<readonly IndexEntry[]> {
    const { index } = this.#supervisor;
    const listed = await this.#repository?.list() ?? { models: [] };
    const unloaded = listed.models
      .filter(({ name }) => !index.some((entry) => entry.name === name))
      .flatMap(({ name, versions }) =>
        versions.map((version): IndexEntry => ({ name, version, ...NOT_LOADED }))
      );
    return [...index, ...unloaded];
  }

  async #run(command: Exclude<ModelCommand, { kind: "index" }>): Promise<void> {
    const repository = this.#repository;
    if (repository === undefined) {
      throw new OperationError(
        "failed-precondition",
        `Cannot ${command.kind} model "${command.model}": the server was started without --models`,
      );
    }
    if (command.kind === "unload") return await this.#supervisor.unload(command.model);
    const { model } = command;
    await this.#supervisor.load((signal) => repository.planOf(model, signal), model);
  }

  /** Not waited for: a version that takes long to load holds up its own model, and no other. */
  #reconcile(plan: RepositoryPlan): void {
    this.#supervisor.reconcile(plan).catch((error) => this.#onRepositoryFailed(String(error)));
  }

  async #watch(repository: ModelRepository): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const plans: AsyncIterable<RepositoryPlan> = repository.watch(this.#stop.signal);
        for await (const plan of plans) this.#reconcile(plan);
      } catch (error) {
        this.#onRepositoryFailed(String(error));
        await new Promise((resolve) => setTimeout(resolve, WATCH_RETRY_MS));
      }
    }
  }
}
