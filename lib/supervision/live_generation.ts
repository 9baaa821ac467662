import { OperationError } from "../errors.ts";
import type { RecordedStatistic } from "../inference/backend.ts";
import type { ModelSource } from "../inference/model.ts";
import { INSTANCE_RESTART_MS, INSTANCE_RESTART_MS_MAX, MODEL_LOAD_MS_MAX } from "../limits.ts";
import type { PlatformLogEntry } from "../platforms/platform_log.ts";
import { GenerationCache } from "../runtime/generation_cache.ts";
import type { GenerationDescriptor } from "../runtime/generation.ts";
import type { BatchRules } from "../runtime/batch_plan.ts";
import { RecordedBoard } from "../runtime/recorded_board.ts";
import { ModelStatisticsRow } from "../runtime/model_statistics.ts";
import { JobSupervisor } from "../runtime/job_supervisor.ts";
import { Instance, type InstanceHandle, type LoadedReport } from "./instance.ts";
import type { WarmupSample } from "./instance_protocol.ts";

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
  /** onnxruntime's, if its files stand outside of its packages. */
  readonly libraryFolder: string | undefined;
  readonly spawn: () => InstanceHandle;
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
 * @throws {OperationError} what is wrong with it; then none is left
 */
export async function loadInstances(
  plan: InstancePlan,
  onLog: GenerationEvents["onInstanceLog"],
): Promise<LoadedInstances> {
  const start = () =>
    new Instance(plan.spawn(), {
      onDied: () => {},
      onLog,
      onRecorded: () => {},
    });
  const first = start();
  const report = await load(first, plan);
  if (report.inline !== undefined) {
    first.terminate();
    return { report, instances: [] };
  }
  const others = Array.from({ length: plan.instances - 1 }, start);
  try {
    await Promise.all(others.map((instance) => load(instance, plan)));
  } catch (error) {
    for (const instance of [first, ...others]) instance.terminate();
    throw error;
  }
  return { report, instances: [first, ...others] };
}

function load(instance: Instance, plan: InstancePlan): Promise<LoadedReport> {
  const { platform, source, warmup, mayInline, libraryFolder } = plan;
  return instance.load(
    { type: "load", platform, source, warmup, mayInline, libraryFolder },
    MODEL_LOAD_MS_MAX,
  );
}

/**
 * A generation that serves: watches its instances and replaces those that die or hang.
 *
 * What a lost instance ran is run once more, alone, and then fails. Until a replacement has loaded, the
 * others take the work; while there is none, requests fail at once rather than wait for ever.
 */
export class LiveGeneration {
  readonly descriptor: GenerationDescriptor;
  /** Tells what it was loaded from. */
  readonly fingerprint: string;
  readonly #plan: InstancePlan;
  readonly #context: GenerationContext;
  readonly #places: Place[] = [];
  readonly #jobs: JobSupervisor | undefined;
  readonly #cache: GenerationCache | undefined;
  readonly #counted: ModelStatisticsRow;
  #closing = false;

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
    for (const instance of instances) this.#serve(this.#places.length, instance);
  }

  /** Looks for instances that run a batch for longer than they may, and for those that died. */
  check(): void {
    const jobs = this.#jobs;
    if (jobs === undefined) return;
    for (let index = 0; index < this.#places.length; index++) {
      const ranMs = jobs.runningMs(index);
      if (ranMs === undefined || ranMs <= this.#plan.timeoutMs) continue;
      this.#replace(index, `a batch took longer than ${this.#plan.timeoutMs} ms`);
    }
  }

  /** A serving thread is dead: frees what it held, and forgets what it waited for. */
  forgetThread(owner: number, thread: number): void {
    this.#cache?.recoverFrom(owner);
    this.#jobs?.recover(owner);
    this.#jobs?.dropThread(thread);
  }

  /**
   * Lets the instances finish what is queued, unloads the model and ends them. No serving thread submits
   * any more.
   *
   * @param timeoutMs how long they have; what is left then fails with `unavailable`
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#closing = true;
    for (const { timer } of this.#places) clearTimeout(timer);
    this.#jobs?.tellClosing();
    const { promise: timeout, resolve: giveUp } = Promise.withResolvers<void>();
    const timer = setTimeout(giveUp, timeoutMs);
    await Promise.race([Promise.all(this.#places.map(({ instance }) => instance.ended)), timeout]);
    clearTimeout(timer);
    this.terminate();
  }

  /** Ends all instances at once. */
  terminate(): void {
    this.#closing = true;
    const { model, version } = this.descriptor;
    for (const { instance, timer } of this.#places) {
      clearTimeout(timer);
      instance.terminate();
    }
    this.#jobs?.failAll("unavailable", `Model "${model}" version ${version} was unloaded`);
  }

  #serve(index: number, instance: Instance): void {
    const { execution, cache } = this.descriptor;
    if (execution.kind !== "queue") return;
    const owner = this.#context.nextOwner();
    const restartMs = this.#places[index]?.restartMs ?? INSTANCE_RESTART_MS;
    this.#places[index] = { instance, owner, restartMs, timer: undefined };
    instance.events.onDied = (reason) => this.#replace(index, reason);
    instance.events.onRecorded = () => this.#record();
    instance.serve({
      type: "serve",
      instance: index,
      owner,
      queue: execution.memory,
      cache,
      wakes: this.#context.wakes,
      batching: this.#plan.batching,
    });
  }

  /** What was recorded by instances that were replaced is forgotten with them. */
  #record(): void {
    const all = this.#places.map(({ instance }) => instance.recorded);
    new RecordedBoard(this.descriptor.recorded).write(mergeRecorded(all));
  }

  #replace(index: number, reason: string): void {
    if (this.#closing) return;
    const place = this.#places[index];
    place.instance.terminate();
    this.#jobs?.fence(index);
    this.#jobs?.recover(place.owner);
    this.#cache?.recoverFrom(place.owner);
    this.#counted.countReplacement();
    this.#context.events.onInstanceReplaced(this.#plan.source, reason);
    this.#restart(index);
  }

  async #restart(index: number): Promise<void> {
    const place = this.#places[index];
    try {
      const plan = { ...this.#plan, instances: 1, mayInline: false };
      const { instances } = await loadInstances(plan, this.#context.events.onInstanceLog);
      if (this.#closing) return instances[0].terminate();
      this.#serve(index, instances[0]);
      this.#places[index].restartMs = INSTANCE_RESTART_MS;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      if (this.#closing) return;
      this.#context.events.onInstanceReplaced(this.#plan.source, error.message);
      this.#failWithoutInstances(error.message);
      place.timer = setTimeout(() => this.#restart(index), place.restartMs);
      place.restartMs = Math.min(2 * place.restartMs, INSTANCE_RESTART_MS_MAX);
    }
  }

  #failWithoutInstances(reason: string): void {
    if (this.#places.some(({ timer }) => timer === undefined)) return;
    const { model } = this.descriptor;
    this.#jobs?.failAll("unavailable", `Model "${model}" has no instance left: ${reason}`);
  }
}

function mergeRecorded(
  all: readonly Readonly<Record<string, RecordedStatistic>>[],
): Readonly<Record<string, RecordedStatistic>> {
  const merged: Record<string, RecordedStatistic> = {};
  for (const recorded of all) {
    for (const [name, { count, sum, min, max }] of Object.entries(recorded)) {
      const so = merged[name] ?? { count: 0, sum: 0, min: Infinity, max: -Infinity };
      merged[name] = {
        count: so.count + count,
        sum: so.sum + sum,
        min: Math.min(so.min, min),
        max: Math.max(so.max, max),
      };
    }
  }
  return merged;
}
