import { OperationError } from "../errors.ts";
import {
  MODEL_SOURCE_FETCHES_MAX,
  REPOSITORY_AWAITED_MS_MAX,
  REPOSITORY_SETTLE_MS,
} from "../limits.ts";
import { mapConcurrently } from "./map_concurrently.ts";
import { ModelCache } from "./model_cache.ts";
import {
  type ConsideredModel,
  type ModelPlan,
  type PendingModel,
  planModel,
  type RepositoryPlan,
} from "./model_plan.ts";
import { checkModelName, compareVersions } from "./model_name.ts";
import { readFailure } from "./read_file.ts";
import {
  listModels,
  openRepository,
  type RepositoryProblem,
  scanModel,
  type ScannedModel,
} from "./repository_scan.ts";
import { type Clocks, Settling } from "./settling.ts";
import type { ReadVariable } from "./sources/open_source.ts";
import { SharedLook } from "./shared_look.ts";
import { SourceFetcher } from "./source_fetcher.ts";
import { FolderProblem } from "./version_files.ts";
import { watchFolder } from "./watch.ts";

/** When models are loaded: all at the start, as the folder changes, or when somebody asks for one. */
export type RepositoryMode = "all" | "watch" | "explicit";

/** Where a repository is, and what it may use. */
export interface RepositoryOptions {
  readonly folder: string;
  readonly mode: RepositoryMode;
  /** Where fetched files are kept; undefined for a temporary folder, made for the first of them. */
  readonly cacheFolder: string | undefined;
  /** For the settings of S3. */
  readonly readVariable: ReadVariable;
  /** By which it is told whether files are still being written; those of the system if left out. */
  readonly clocks?: () => Clocks;
}

/** What a repository has. */
export interface ListedRepository {
  readonly models: readonly ListedModel[];
  readonly problems: readonly RepositoryProblem[];
}

/** A model in the repository, whether it serves or not. */
export interface ListedModel {
  readonly name: string;
  /** That have a folder, ascending. */
  readonly versions: readonly string[];
}

const SYSTEM_CLOCKS = () => ({ wallMs: Date.now(), steadyMs: performance.now() });

const NOTHING: ConsideredModel = { model: undefined, problems: [] };

const NO_PLAN: RepositoryPlan = { models: [], problems: [], pending: [] };

const NEVER = new AbortController().signal;

/**
 * A folder of models, and the decision which versions of which should serve. It loads none of them.
 *
 * Whoever serves them brings what serves in line with each plan: loads what is new in it, loads anew what
 * has another fingerprint, unloads what is no longer in it. A model, or a version, that has become wrong
 * stays in the plan as it was last, beside the problem, for as long as its folder is there: so what serves
 * goes on. Nothing of it is known after a restart.
 *
 * Permissions: to read the folder; for sources to write the cache, to reach their hosts, and to read their
 * files and S3_VARIABLES.
 */
export class ModelRepository implements AsyncDisposable {
  readonly #root: string;
  readonly #options: RepositoryOptions;
  readonly #fetcher: SourceFetcher;
  readonly #listing: SharedLook<ListedRepository>;
  readonly #settling = new Settling();
  /** By name, as each was in the last plan. */
  #last: ReadonlyMap<string, ConsideredModel> = new Map();
  #isUnsettled = false;
  /** What was pending at the first look, and when that was; `Clocks.steadyMs`. */
  #first: { readonly names: ReadonlySet<string>; readonly ms: number } | undefined;
  /** Plans are made one after another: each builds on the last. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(root: string, options: RepositoryOptions, cache: ModelCache | undefined) {
    this.#root = root;
    this.#options = options;
    const keptMs = options.mode === "watch" ? REPOSITORY_SETTLE_MS : 0;
    this.#listing = new SharedLook(() => this.#list(), { keptMs });
    this.#fetcher = new SourceFetcher(cache, options.readVariable);
  }

  /**
   * @throws {OperationError} `failed-precondition` when the folder cannot be read, or the cache not written
   */
  static async open(options: RepositoryOptions): Promise<ModelRepository> {
    const root = await openRepository(options.folder);
    const { cacheFolder } = options;
    const cache = cacheFolder === undefined ? undefined : await ModelCache.open(cacheFolder);
    return new ModelRepository(root, options, cache);
  }

  /**
   * What should serve now, after fetching what is not here; in mode `explicit` nothing by itself. In mode
   * `watch` a file that takes longer is a problem until it is here, and a later plan has it.
   *
   * A folder that cannot be listed is a problem of all, and leaves the last plan.
   *
   * @throws the signal's reason, nothing else
   */
  plan(signal: AbortSignal = NEVER): Promise<RepositoryPlan> {
    const plan = this.#turn.then(() => this.#plan(signal));
    this.#turn = plan.catch(() => {});
    return plan;
  }

  /**
   * What should serve of one model, as its folder is now, whatever the mode and whether anybody still writes
   * there; its source is asked again even if it has just failed.
   *
   * @throws {OperationError} `not-found` when there is no such model; `invalid-argument` when none can be
   *   called so; `failed-precondition` when its configuration is wrong or none of its versions can serve
   */
  async planOf(name: string, signal: AbortSignal = NEVER): Promise<ModelPlan> {
    checkModelName(name, "load");
    await this.#requireFolder(name);
    const { model, problems } = await this.#consider(name, "now", signal);
    signal.throwIfAborted();
    if (model !== undefined) return model;
    const reasons = problems.map(({ version, reason }) =>
      version === undefined ? reason : `version ${version} ${reason}`
    );
    const text = `Cannot load model ${name}: ${reasons.join("; ")}`;
    throw new OperationError("failed-precondition", text);
  }

  /**
   * All models that the folder has, and what is wrong with others; fetches nothing. As it is now; in mode
   * `watch`, where nothing younger counts, up to REPOSITORY_SETTLE_MS ago.
   *
   * One walk for all who ask at once: it looks at every file.
   *
   * @throws {OperationError} `failed-precondition` when it cannot be listed
   */
  list(): Promise<ListedRepository> {
    return this.#listing.take();
  }

  async #list(): Promise<ListedRepository> {
    const models: ListedModel[] = [];
    const { names, unfit: problems } = await listModels(this.#root);
    for (const name of names) {
      const scanned = await this.#scan(name);
      if ("reason" in scanned) problems.push(scanned);
      else if (scanned.config instanceof OperationError) {
        problems.push({ name, reason: scanned.config.message });
      } else {
        const versions = scanned.versions.map(({ version }) => version);
        models.push({ name, versions: versions.sort(compareVersions) });
        problems.push(...scanned.problems);
      }
    }
    return { models, problems };
  }

  /**
   * The plan now, and again whenever it has become another; for mode `watch`. Ends when the signal aborts.
   */
  async *watch(signal: AbortSignal): AsyncGenerator<RepositoryPlan> {
    let before = "";
    for await (const _ of watchFolder(this.#root, signal, () => this.#isUnsettled)) {
      let plan: RepositoryPlan;
      try {
        plan = await this.plan(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      const now = JSON.stringify(plan);
      if (now !== before) yield plan;
      before = now;
    }
  }

  /** Ends all fetches and removes the cache if it is a temporary one: what serves from it must be unloaded. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fetcher[Symbol.asyncDispose]();
  }

  async #plan(signal: AbortSignal): Promise<RepositoryPlan> {
    if (this.#options.mode === "explicit") return NO_PLAN;
    let listed: Awaited<ReturnType<typeof listModels>>;
    try {
      listed = await listModels(this.#root);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      const name = this.#options.folder;
      return planOfAll([...this.#last.values()], [{ name, reason: error.message }]);
    }
    const considered = await mapConcurrently(
      listed.names,
      MODEL_SOURCE_FETCHES_MAX,
      (name) => this.#consider(name, "later", signal),
    );
    this.#settling.endLook();
    this.#last = new Map(listed.names.map((name, index) => [name, considered[index]]));
    return { ...planOfAll(considered, listed.unfit), pending: this.#pending() };
  }

  /** What of the last look is pending; a file that somebody writes for long is not awaited for as long. */
  #pending(): PendingModel[] {
    const pending = [...this.#last].filter(([_, { pending }]) => pending !== undefined);
    this.#isUnsettled = pending.length > 0;
    const nowMs = this.#now().steadyMs;
    this.#first ??= { names: new Set(pending.map(([name]) => name)), ms: nowMs };
    const { names, ms } = this.#first;
    const isEarly = nowMs - ms < REPOSITORY_AWAITED_MS_MAX;
    return pending.map(([name, { pending }]) => ({
      name,
      isAwaited: names.has(name) && (isEarly || pending === "fetched"),
    }));
  }

  async #consider(
    name: string,
    retry: "now" | "later",
    signal: AbortSignal,
  ): Promise<ConsideredModel> {
    const last = retry === "later" ? this.#last.get(name) : undefined;
    const settles = retry === "later" && this.#options.mode === "watch";
    const scanned = await this.#scan(name);
    if ("reason" in scanned) return { model: last?.model, problems: [scanned] };
    const { config, folder, stamp, changedMs } = scanned;
    if (settles && !this.#isQuiet(name, stamp, changedMs)) {
      return { ...last ?? NOTHING, pending: "written" };
    }
    if (config instanceof OperationError) {
      const isGone = config.code === "not-found";
      return {
        model: isGone ? undefined : last?.model,
        problems: [{ name, reason: config.message }],
      };
    }
    let pending: ConsideredModel["pending"];
    const planned = await planModel(scanned, config, last?.model, {
      isQuiet: ({ version, files }) => {
        if (!settles || this.#isQuiet(`${name}/${version}`, files.stamp, files.changedMs)) {
          return true;
        }
        pending ??= "written";
        return false;
      },
      fetch: async () => {
        const fetching = this.#fetcher.fetch(config, folder, retry, signal);
        if (!settles) return await fetching;
        const file = await waitShortly(fetching);
        if (file === undefined) pending = "fetched";
        return file;
      },
    });
    return { ...planned, pending };
  }

  #isQuiet(key: string, stamp: string, changedMs: number): boolean {
    return this.#settling.isQuiet(key, stamp, changedMs, this.#now());
  }

  #now(): Clocks {
    return (this.#options.clocks ?? SYSTEM_CLOCKS)();
  }

  async #scan(name: string): Promise<ScannedModel | RepositoryProblem> {
    try {
      return await scanModel(this.#root, name, this.#options.folder);
    } catch (error) {
      if (error instanceof FolderProblem || error instanceof OperationError) {
        return { name, reason: error.message };
      }
      // Removed while it was looked at, or not readable.
      return { name, reason: `it cannot be read: ${readFailure(error)}` };
    }
  }

  async #requireFolder(name: string): Promise<void> {
    const info = await Deno.stat(`${this.#root}/${name}`).catch(() => undefined);
    if (info?.isDirectory) return;
    const text = `Cannot load model ${name}: ${this.#options.folder} has no folder ${name}`;
    throw new OperationError("not-found", text);
  }
}

function planOfAll(
  considered: readonly ConsideredModel[],
  others: readonly RepositoryProblem[],
): RepositoryPlan {
  const models = considered.flatMap(({ model }) => model ?? []);
  const problems = [...others, ...considered.flatMap(({ problems }) => problems)];
  return { models, problems, pending: [] };
}

/**
 * A large file must not keep what changes in other models waiting: the next plans join its fetch.
 *
 * @returns undefined if it takes longer than REPOSITORY_SETTLE_MS
 */
async function waitShortly<T>(fetching: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), REPOSITORY_SETTLE_MS);
  // It may fail when nobody waits; the cache tells the next who asks.
  fetching.catch(() => {});
  try {
    return await Promise.race([fetching, late]);
  } finally {
    clearTimeout(timer);
  }
}
