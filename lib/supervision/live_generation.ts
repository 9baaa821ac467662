import { messageOf, OperationError } from "../errors.ts";
import type { RecordedStatistic } from "../inference/backend.ts";
import type { ModelSource } from "../inference/model.ts";
import {
  INSTANCE_GONE_MS,
  INSTANCE_RESTART_MS,
  INSTANCE_RESTART_MS_MAX,
  INSTANCE_STEADY_MS,
  MODEL_LOAD_MS_MAX,
} from "../limits.ts";
import type { PlatformLogEntry } from "../platforms/platform_log.ts";
import { GenerationCache } from "../runtime/generation_cache.ts";
import type { GenerationDescriptor } from "../runtime/generation.ts";
import type { BatchRules } from "../runtime/batch_plan.ts";
import { RecordedBoard, type RecordedFigures } from "../runtime/recorded_board.ts";
import { ModelStatisticsRow } from "../runtime/model_statistics.ts";
import { JobSupervisor } from "../runtime/job_supervisor.ts";
import { Instance, type InstanceHandle, type LoadedReport } from "./instance.ts";
import type { WarmupSample } from "./instance_protocol.ts";
import { StallClock } from "./stall_clock.ts";

/** How the instances of a version are made and run. */
export interface InstancePlan {
  readonly platform: string;
  readonly source: ModelSource;
  readonly warmup: readonly WarmupSample[];
  readonly mayInline: boolean;
  readonly instances: number;
  readonly batching: BatchRules;
  /** How long a batch may take before its instance is replaced. */
  readonly timeoutMs: number;
  /** How long an instance may take to load; MODEL_LOAD_MS_MAX by default. */
  readonly loadMs?: number;
  /** onnxruntime's, if its files stand outside of its packages. */
  readonly libraryFolder: string | undefined;
  readonly spawn: () => InstanceHandle;
  /** Whether the version's files still are those that the first instance was loaded from. */
  readonly isUnchanged: () => Promise<boolean>;
  /** Where each instance writes what it does, by its place; for the Pipeline's workers. */
  readonly board?: SharedArrayBuffer;
  /** Hears when an instance serves in its place, and when it is lost. */
  readonly onPlace?: (place: number, state: "serves" | "lost") => void;
}

/** What an operator wants to know of the instances of a model. */
export interface GenerationEvents {
  onInstanceReplaced(source: ModelSource, reason: string): void;
  onInstanceLog(entry: PlatformLogEntry): void;
}

/** What generations share. */
export interface GenerationContext {
  /** A name that no other owner of locks has or had. */
  readonly nextOwner: () => number;
  /** The main thread's own. */
  readonly owner: number;
  /** Serving threads, spare ones too. */
  readonly threads: number;
  /** The words that serving threads wait on. */
  readonly wakes: SharedArrayBuffer;
  readonly events: GenerationEvents;
}

/** An instance and where it stands in the queue. */
interface Place {
  instance: Instance;
  owner: number;
  /** `failed` once a replacement could not be loaded, until one serves. */
  state: "serves" | "starts" | "failed";
  /** While a replacement loads. */
  starting: Promise<void> | undefined;
  servesSinceMs: number;
  /** How long after it was lost it is tried again. */
  restartMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The first instance that has loaded, and the others of its version. */
export interface LoadedInstances {
  readonly report: LoadedReport;
  readonly instances: readonly Instance[];
}

/**
 * Loads all instances of a version.
 *
 * @returns none but the report if the model is to run on the serving threads
 * @throws {OperationError} what is wrong with it; then none is left. The signal's reason when it aborts.
 */
export async function loadInstances(
  plan: InstancePlan,
  onLog: GenerationEvents["onInstanceLog"],
  signal: AbortSignal,
): Promise<LoadedInstances> {
  const start = () => startInstance(plan, onLog);
  signal.throwIfAborted();
  const first = start();
  const report = await load(first, plan, signal);
  if (report.inline !== undefined) {
    first.unload();
    return { report, instances: [] };
  }
  const others = Array.from({ length: plan.instances - 1 }, start);
  try {
    await Promise.all(others.map((instance) => load(instance, plan, signal)));
  } catch (error) {
    for (const instance of [first, ...others]) instance.unload();
    throw error;
  }
  return { report, instances: [first, ...others] };
}

/** An instance, and why it could not be loaded if it could not. */
export interface InstanceOutcome {
  readonly instance: Instance;
  readonly failure: OperationError | undefined;
}

/**
 * Loads all instances of a plan side by side, and waits for each; those that have failed are terminated.
 *
 * @throws the signal's reason when it aborts; then none is left
 */
export async function tryInstances(
  plan: InstancePlan,
  onLog: GenerationEvents["onInstanceLog"],
  signal: AbortSignal,
): Promise<readonly InstanceOutcome[]> {
  signal.throwIfAborted();
  const starting = Array.from({ length: plan.instances }, () => startInstance(plan, onLog));
  const outcomes = await Promise.all(starting.map(async (instance) => {
    try {
      await load(instance, plan, signal);
      return { instance, failure: undefined };
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      return { instance, failure: error };
    }
  }));
  if (!signal.aborted) return outcomes;
  for (const { instance } of outcomes) instance.unload();
  throw signal.reason;
}

function startInstance(plan: InstancePlan, onLog: GenerationEvents["onInstanceLog"]): Instance {
  return new Instance(plan.spawn(), { onDied: () => {}, onLog, onRecorded: () => {} });
}

function load(
  instance: Instance,
  plan: InstancePlan,
  signal: AbortSignal,
): Promise<LoadedReport> {
  const { platform, source, warmup, mayInline, libraryFolder } = plan;
  return instance.load(
    { type: "load", platform, source, warmup, mayInline, libraryFolder },
    plan.loadMs ?? MODEL_LOAD_MS_MAX,
    signal,
  );
}

/**
 * A generation that serves: watches its instances and replaces those that die or hang.
 *
 * What a lost instance ran is run once more, alone, and then fails. Until a replacement has loaded, the
 * others take the work, or it waits; once none could be loaded and there is no other, requests fail at once.
 *
 * ```text
 *            lost               loaded
 *  serves ─────────► starts ──────────────► serves
 *                      │ cannot be loaded     ▲
 *                      ▼          loaded      │
 *                    failed ──────────────────┘ tried again and again
 * ```
 */
export class LiveGeneration {
  readonly descriptor: GenerationDescriptor;
  /** Tells what it was loaded from. */
  readonly fingerprint: string;
  readonly #plan: InstancePlan;
  readonly #context: GenerationContext;
  readonly #places: Place[];
  readonly #jobs: JobSupervisor | undefined;
  readonly #cache: GenerationCache | undefined;
  readonly #counted: ModelStatisticsRow;
  readonly #stall: StallClock;
  readonly #recoveries = new Set<ReturnType<typeof setTimeout>>();
  /** By instances that were replaced. */
  #recordedBefore: RecordedFigures = {};
  #phase: "serving" | "draining" | "terminated" = "serving";
  readonly #terminated = new AbortController();

  constructor(
    descriptor: GenerationDescriptor,
    fingerprint: string,
    plan: InstancePlan,
    instances: readonly Instance[],
    context: GenerationContext,
  ) {
    this.descriptor = descriptor;
    this.fingerprint = fingerprint;
    this.#plan = plan;
    this.#context = context;
    const { execution, cache } = descriptor;
    this.#counted = new ModelStatisticsRow(descriptor.statistics, context.threads);
    this.#cache = cache && new GenerationCache(cache, context.owner);
    this.#jobs = execution.kind === "queue"
      ? new JobSupervisor(execution.memory, { owner: context.owner, wakes: context.wakes })
      : undefined;
    this.#stall = new StallClock(plan.timeoutMs + plan.batching.maxDelayMs);
    this.#places = instances.map((instance) => ({
      instance,
      owner: 0,
      state: "serves",
      starting: undefined,
      servesSinceMs: performance.now(),
      restartMs: INSTANCE_RESTART_MS,
      timer: undefined,
    }));
    for (const index of this.#places.keys()) this.#serve(index);
  }

  /** Looks for instances that run a batch for longer than they may, and for those that take none. */
  check(): void {
    const jobs = this.#jobs;
    if (jobs === undefined) return;
    const { timeoutMs } = this.#plan;
    for (const index of this.#places.keys()) {
      const ranMs = jobs.runningMs(index);
      if (ranMs === undefined || ranMs <= timeoutMs) continue;
      this.#lose(index, `a batch took longer than ${timeoutMs} ms`, "hung");
    }
    const standstill = jobs.standstill();
    const isLate = this.#stall.look(performance.now(), standstill !== undefined, jobs.executions);
    if (standstill === undefined || !isLate) return;
    for (const [index, { state }] of this.#places.entries()) {
      if (state !== "serves" || index !== (standstill.watcher ?? index)) continue;
      this.#lose(index, `it took no work for more than ${timeoutMs} ms`, "hung");
    }
  }

  /** A serving thread is dead: frees what it held, and forgets what it waited for. */
  forgetThread(owner: number, thread: number): void {
    this.#recoverFrom(owner);
    this.#jobs?.dropThread(thread);
  }

  /**
   * Lets the instances finish what is queued, unloads the model and ends them. No serving thread submits
   * any more. Those that die meanwhile are replaced as long as there is work.
   *
   * @param timeoutMs how long they have, or as long as one batch may take where that is more; what is left
   *   then fails with `unavailable`
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#phase = "draining";
    this.#jobs?.tellClosing();
    for (const [index, place] of this.#places.entries()) {
      clearTimeout(place.timer);
      if (place.state === "starts" && place.starting === undefined) this.#restart(place, index);
    }
    const { promise: timeout, resolve: giveUp } = Promise.withResolvers<void>();
    const limitMs = Math.max(timeoutMs, this.#plan.timeoutMs + INSTANCE_GONE_MS);
    const timer = setTimeout(giveUp, limitMs);
    await Promise.race([Promise.all(this.#places.map(untilEnded)), timeout]);
    clearTimeout(timer);
    this.terminate();
  }

  /** Ends all instances at once. */
  terminate(): void {
    this.#phase = "terminated";
    const { model, version } = this.descriptor;
    const reason = `Model "${model}" version ${version} was unloaded`;
    this.#terminated.abort(new OperationError("unavailable", reason));
    for (const { instance, timer } of this.#places) {
      clearTimeout(timer);
      instance.terminate();
    }
    for (const timer of this.#recoveries) clearTimeout(timer);
    this.#jobs?.failAll("unavailable", reason);
  }

  #serve(index: number): void {
    const { execution, cache } = this.descriptor;
    if (execution.kind !== "queue") return;
    const place = this.#places[index];
    const { instance } = place;
    place.owner = this.#context.nextOwner();
    instance.events.onDied = (reason) => this.#lose(index, reason, "dead");
    instance.events.onRecorded = () => this.#record();
    // It may have died while the others were loading.
    if (instance.isOver) return this.#lose(index, "it ended before it served", "dead");
    instance.serve({
      type: "serve",
      instance: index,
      owner: place.owner,
      queue: execution.memory,
      cache,
      wakes: this.#context.wakes,
      batched: this.descriptor.rules.batching,
      batching: this.#plan.batching,
      board: this.#plan.board,
    });
    this.#plan.onPlace?.(index, "serves");
  }

  /** Sums never fall: what was heard of instances that were replaced stays in them. */
  #record(): void {
    const all = [this.#recordedBefore, ...this.#places.map(({ instance }) => instance.recorded)];
    new RecordedBoard(this.descriptor.recorded).write(mergeRecorded(all));
  }

  #lose(index: number, reason: string, how: "dead" | "hung"): void {
    if (this.#phase === "terminated") return;
    const place = this.#places[index];
    place.instance.terminate();
    this.#plan.onPlace?.(index, "lost");
    if (how === "dead") this.#recoverFrom(place.owner);
    else this.#recoverLater(place.owner);
    this.#jobs?.fence(index);
    this.#counted.countReplacement();
    this.#context.events.onInstanceReplaced(this.#plan.source, reason);
    place.state = "starts";
    // One that dies as soon as it serves would keep a processor busy with loading.
    const isSteady = performance.now() - place.servesSinceMs >= INSTANCE_STEADY_MS;
    if (isSteady) place.restartMs = INSTANCE_RESTART_MS;
    if (isSteady || this.#phase === "draining") this.#restart(place, index);
    else this.#restartLater(place, index);
  }

  #restartLater(place: Place, index: number): void {
    const waitMs = place.restartMs;
    place.restartMs = Math.min(2 * waitMs, INSTANCE_RESTART_MS_MAX);
    place.timer = setTimeout(() => {
      place.timer = undefined;
      this.#restart(place, index);
    }, waitMs);
  }

  /** Frees the locks that a thread held as it died. */
  #recoverFrom(owner: number): void {
    // The cache's is taken under the queue's.
    this.#cache?.recoverFrom(owner);
    this.#jobs?.recover(owner);
  }

  /** A thread that hangs is alive: it may hold a lock for a moment yet, and must not lose it. */
  #recoverLater(owner: number): void {
    const timer = setTimeout(() => {
      this.#recoveries.delete(timer);
      this.#recoverFrom(owner);
    }, INSTANCE_GONE_MS);
    this.#recoveries.add(timer);
  }

  #restart(place: Place, index: number): void {
    place.starting = this.#startAnew(place, index).finally(() => place.starting = undefined);
  }

  async #startAnew(place: Place, index: number): Promise<void> {
    if (this.#phase === "draining" && this.#jobs?.hasWork() === false) return;
    try {
      // An instance of other files would answer, and store, under this generation what is none of its.
      if (!await this.#plan.isUnchanged()) throw changedFiles(this.#plan.source);
      const { signal } = this.#terminated;
      signal.throwIfAborted();
      const instance = startInstance(this.#plan, this.#context.events.onInstanceLog);
      await load(instance, { ...this.#plan, mayInline: false }, signal);
      this.#recordedBefore = mergeRecorded([this.#recordedBefore, place.instance.recorded]);
      Object.assign(place, { instance, state: "serves", servesSinceMs: performance.now() });
      this.#jobs?.unstrand();
      this.#serve(index);
    } catch (error) {
      this.#onStartFailed(place, index, messageOf(error));
    }
  }

  #onStartFailed(place: Place, index: number, reason: string): void {
    if (this.#phase === "terminated") return;
    this.#context.events.onInstanceReplaced(this.#plan.source, reason);
    place.state = "failed";
    if (this.#places.every(({ state }) => state === "failed")) {
      this.#jobs?.strand(`Model "${this.descriptor.model}" has no instance left: ${reason}`);
    }
    if (this.#phase !== "draining") this.#restartLater(place, index);
  }
}

function changedFiles({ name, version }: ModelSource): OperationError {
  return new OperationError(
    "failed-precondition",
    `Cannot start an instance of model "${name}" version ${version}: its files have changed, need a load`,
  );
}

/** Resolves when the instance has ended, and all that took its place. */
async function untilEnded(place: Place): Promise<void> {
  for (;;) {
    await place.instance.ended;
    if (place.starting === undefined) return;
    await place.starting;
  }
}

function mergeRecorded(all: readonly RecordedFigures[]): RecordedFigures {
  // A model may call its figures what it likes, `constructor` too.
  const merged = new Map<string, RecordedStatistic>();
  for (const recorded of all) {
    for (const [name, { count, sum, min, max }] of Object.entries(recorded)) {
      const so = merged.get(name) ?? { count: 0, sum: 0, min: Infinity, max: -Infinity };
      merged.set(name, {
        count: so.count + count,
        sum: so.sum + sum,
        min: Math.min(so.min, min),
        max: Math.max(so.max, max),
      });
    }
  }
  return Object.fromEntries(merged);
}
