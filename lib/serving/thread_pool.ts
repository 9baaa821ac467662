import { OperationError } from "../errors.ts";
import { LOAD_ROUND_MS, SERVE_MODELS_MS_MAX, THREAD_RESTART_MS } from "../limits.ts";
import type { ModelTableDescriptor } from "../runtime/generation.ts";
import type { ModelCommand, ModelCommandResult } from "../runtime/model_commands.ts";
import type { StoreNews } from "../store/store_protocol.ts";
import type { TraceSettings } from "../telemetry/trace_settings.ts";
import { Counters, type CounterSums } from "./counters.ts";
import { type LoadSample, sampleLoad, wantsThread } from "./load.ts";
import {
  openSharedState,
  recoverFrom,
  type SharedMemory,
  type SharedState,
  SUPERVISOR_OWNER,
} from "./shared_state.ts";
import type {
  ConnectionRules,
  InvocationRules,
  ModelMemory,
  PipelineStart,
  ServerCredentials,
  ThreadCommand,
  ThreadReport,
} from "./thread_protocol.ts";

/** A Web Worker, as far as the pool uses it. */
export interface ThreadHandle {
  postMessage(command: ThreadCommand, transfer?: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<ThreadReport>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** What happens to a pool's threads that an operator wants to know. */
export interface ThreadPoolEvents {
  onThreadDied(owner: number, message: string, recovered: boolean): void;
  /** What a thread held of the models is to be freed: the lock under its name, and its row of theirs. */
  onThreadGone(owner: number, modelRow: number): void;
  /** A spare thread has joined, since those that served were busy. */
  onThreadJoined(owner: number, servingThreads: number): void;
  onHandlerError(path: string, error: string): void;
  /** A thread could not take a connection, the first time after it could; it goes on trying. */
  onAcceptFailed(owner: number, message: string): void;
  /** Spans of so many inferences of a thread were lost; told the first time, and at the thread's end. */
  onSpansLost(owner: number, lost: number, reason: string): void;
  /** Somebody has asked a thread for a change of the models; never rejects. */
  onModelCommand(command: ModelCommand): Promise<ModelCommandResult>;
  /** A thread's call of the store failed, the first time after one went well. */
  onStoreFails(reason: string): void;
  /** … and one goes well again. */
  onStoreWorks(): void;
}

/** The store, as far as a pool brings serving threads to it. */
export interface PoolStore {
  /** Has it opened, unless it is. */
  need(): void;
  /** Has a thread told of it from now on. @returns has it told no more */
  join(tell: (news: StoreNews, transfer: Transferable[]) => void): () => void;
}

/** How a pool runs its threads. */
export interface ThreadPoolOptions {
  readonly spawn: () => ThreadHandle;
  readonly threads: number;
  /** How many of them serve from the start; the others join when load asks for them. */
  readonly initialThreads: number;
  readonly memory: SharedMemory;
  readonly hostname: string;
  /** 0 for a port that the system chooses. */
  readonly port: number;
  readonly messageBytesMax: number;
  readonly connections: ConnectionRules;
  /** None by default: no encryption, and everybody may call. */
  readonly credentials?: ServerCredentials;
  /** The models that a thread starts with. */
  readonly models: () => ModelTableDescriptor;
  readonly modelMemory: ModelMemory;
  readonly pipeline: PipelineStart;
  /** Where to serve REST, 0 for a port that the system chooses; nowhere by default. */
  readonly httpPort?: number | undefined;
  /** How inferences are traced; not at all by default. */
  readonly tracing?: TraceSettings | undefined;
  readonly store: PoolStore;
  readonly invocation: InvocationRules;
  readonly events: ThreadPoolEvents;
  /** How busy the machine is; asked every LOAD_ROUND_MS while threads are spare. */
  readonly sampleLoad?: () => LoadSample;
}

/** A thread's life: spare, told to serve, `listening`, perhaps `draining`, gone. */
interface PoolThread {
  readonly owner: number;
  readonly row: number;
  readonly handle: ThreadHandle;
  readonly startedMs: number;
  /** Settles once: it listens, or it never will. */
  readonly listening: PromiseWithResolvers<number>;
  /** Whether it was told to serve; else it is spare: loaded, and waiting for that. */
  serves: boolean;
  listens: boolean;
  /** Whether it takes the place of one that died. */
  replacement: boolean;
  readonly gone: PromiseWithResolvers<void>;
  /** Who waits until it serves the models of which revision. */
  readonly modelWaiters: Set<{ readonly revision: number; readonly resolve: () => void }>;
  /** While credentials are on their way: settles with why they cannot be used. */
  renewed: PromiseWithResolvers<string | undefined> | undefined;
  /** From when it serves on: has it told no more of the store. */
  leaveStore: (() => void) | undefined;
}

/**
 * Runs serving threads on one port and replaces those that die.
 *
 * The first thread chooses the port when it is 0, the others then share it. Threads beyond the initial
 * ones are spare: each joins once those that serve are busy while a processor is idle, and stays.
 *
 * When a thread dies, the lock that it may have held is taken over, what it may have left half-written
 * is reset, and a spare or a new thread takes its place; the others serve on. A thread that lived less
 * than THREAD_RESTART_MS is replaced after that time, so that one that cannot live does not keep a
 * processor busy with dying.
 *
 * One that dies before it ever listened fails `start`. The pool's owner calls `start` once, then `drain`
 * or `terminate` once.
 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #state: SharedState;
  readonly #counters: Counters;
  readonly #threads = new Set<PoolThread>();
  readonly #restarts = new Set<ReturnType<typeof setTimeout>>();
  #ownerLast = SUPERVISOR_OWNER;
  #port: number;
  #httpPort: number | undefined;
  #credentials: ServerCredentials;
  #phase: "starting" | "serving" | "ending" = "starting";
  #diedDraining = false;
  #loadTimer: ReturnType<typeof setInterval> | undefined;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#httpPort = options.httpPort;
    this.#credentials = options.credentials ?? {};
    this.#state = openSharedState(options.memory, SUPERVISOR_OWNER);
    this.#counters = new Counters(options.memory.counters, 0);
  }

  /** What all threads counted so far. */
  get counters(): CounterSums {
    return Counters.sums(this.#options.memory.counters);
  }

  /** Threads that serve, or are about to. */
  get servingThreads(): number {
    return [...this.#threads].filter(({ serves }) => serves).length;
  }

  /** Where REST is served, once it is; undefined for nowhere. */
  get httpPort(): number | undefined {
    return this.#httpPort;
  }

  /** The supervisor's handle on the state that all threads share. */
  get state(): SharedState {
    return this.#state;
  }

  /**
   * Starts all threads. Resolves with the port once the initial ones listen.
   *
   * @throws {OperationError} `unavailable` when the address cannot be listened on; then no thread
   * is left running.
   */
  start(): Promise<number> {
    const started = this.#start();
    // A caller who was told to stop meanwhile does not wait for it.
    started.catch(() => {});
    return started;
  }

  async #start(): Promise<number> {
    try {
      // All load their modules at once; only the port has to wait for the first.
      const threads = Array.from(
        { length: this.#options.threads },
        (_, i) => this.#spawn(i + 1),
      );
      const [first, ...rest] = threads.slice(0, this.#options.initialThreads);
      this.#listen(first, { probePort: true });
      this.#port = await first.listening.promise;
      for (const thread of rest) this.#listen(thread, { probePort: false });
      await Promise.all(rest.map((thread) => thread.listening.promise));
      if (this.#phase === "starting") {
        this.#phase = "serving";
        this.#watchLoad();
      }
      return this.#port;
    } catch (error) {
      this.terminate();
      throw error;
    }
  }

  /**
   * Gives all threads other credentials, and those that will join or replace them; one renewal at a
   * time, after `start`. Connections and calls that are open go on with the old ones.
   *
   * @returns why a thread goes on with the old ones, of each that does; empty when all is well
   */
  async renew(credentials: ServerCredentials): Promise<readonly string[]> {
    const before = this.#credentials;
    this.#credentials = credentials;
    const threads = [...this.#threads].filter(({ serves }) => serves);
    const answers = threads.map((thread) => {
      thread.renewed = Promise.withResolvers<string | undefined>();
      thread.handle.postMessage({ type: "renew", credentials });
      return thread.renewed.promise;
    });
    const failures = (await Promise.all(answers)).filter((failure) => failure !== undefined);
    if (failures.length === threads.length && threads.length > 0) this.#credentials = before;
    return failures;
  }

  /** Resolves once each thread that serves serves these models and no others, or is gone. */
  async serveModels(models: ModelTableDescriptor): Promise<void> {
    const { revision } = models;
    const threads = [...this.#threads].filter(({ serves }) => serves);
    await Promise.all(threads.map(async (thread) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      thread.modelWaiters.add({ revision, resolve });
      thread.handle.postMessage({ type: "serveModels", models });
      // One that is stuck would hold up every change of every model.
      const timer = setTimeout(() => {
        this.#onDeath(thread, `it has not switched its models in ${SERVE_MODELS_MS_MAX} ms`);
      }, SERVE_MODELS_MS_MAX);
      await promise;
      clearTimeout(timer);
    }));
  }

  /**
   * Lets all threads finish their calls and stops them.
   *
   * @param timeoutMs how long they have; what is left then is cut off
   * @returns whether all finished in time, and none died of it
   */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#end();
    const threads = [...this.#threads].filter(({ serves }) => serves);
    for (const thread of threads) thread.handle.postMessage({ type: "drain" });
    const timeout = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => timeout.resolve(false), timeoutMs);
    const allGone = Promise.all(threads.map((thread) => thread.gone.promise)).then(() => true);
    const inTime = await Promise.race([allGone, timeout.promise]);
    clearTimeout(timer);
    this.terminate();
    return inTime && !this.#diedDraining;
  }

  /** Stops all threads at once; a `start` that has not ended rejects. */
  terminate(): void {
    this.#end();
    for (const thread of this.#threads) {
      thread.handle.terminate();
      thread.listening.reject(new OperationError("unavailable", "the server was stopped"));
      leave(thread);
    }
    this.#threads.clear();
  }

  #end(): void {
    this.#phase = "ending";
    clearInterval(this.#loadTimer);
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#restarts.clear();
  }

  /** Every LOAD_ROUND_MS, lets a spare thread join if it would help. */
  #watchLoad(): void {
    const { threads, sampleLoad: sample = sampleLoad } = this.#options;
    if (threads === this.#options.initialThreads) return;
    let before = sample();
    this.#loadTimer = setInterval(() => {
      const now = sample();
      const spare = this.#spare();
      if (spare !== undefined && wantsThread(before, now, this.servingThreads)) {
        this.#listen(spare, { probePort: false });
        this.#options.events.onThreadJoined(spare.owner, this.servingThreads);
      }
      before = now;
    }, LOAD_ROUND_MS);
  }

  #spare(): PoolThread | undefined {
    return [...this.#threads].find(({ serves }) => !serves);
  }

  #spawn(row: number): PoolThread {
    const thread: PoolThread = {
      owner: ++this.#ownerLast,
      row,
      handle: this.#options.spawn(),
      startedMs: performance.now(),
      listening: Promise.withResolvers<number>(),
      serves: false,
      listens: false,
      replacement: false,
      gone: Promise.withResolvers<void>(),
      modelWaiters: new Set(),
      renewed: undefined,
      leaveStore: undefined,
    };
    // A replacement's failure to listen is told as its death; nobody awaits this promise then.
    thread.listening.promise.catch(() => {});
    this.#threads.add(thread);
    thread.handle.onmessage = (event) => this.#onReport(thread, event.data);
    thread.handle.onerror = (event) => {
      event.preventDefault();
      this.#onDeath(thread, event.message);
    };
    return thread;
  }

  #listen(thread: PoolThread, { probePort }: { probePort: boolean }): void {
    const { threads, memory, hostname, messageBytesMax, connections } = this.#options;
    thread.serves = true;
    thread.handle.postMessage({
      type: "start",
      owner: thread.owner,
      row: thread.row,
      memory,
      hostname,
      port: this.#port,
      sharePort: threads > 1,
      probePort,
      messageBytesMax,
      connections,
      credentials: this.#credentials,
      models: this.#options.models(),
      modelMemory: this.#options.modelMemory,
      pipeline: this.#options.pipeline,
      httpPort: this.#httpPort,
      tracing: this.#options.tracing,
      invocation: this.#options.invocation,
    });
    thread.leaveStore = this.#options.store.join((news, transfer) =>
      thread.handle.postMessage(news, transfer)
    );
  }

  #onReport(thread: PoolThread, report: ThreadReport): void {
    switch (report.type) {
      case "listening":
        thread.listens = true;
        this.#httpPort = report.httpPort;
        if (thread.replacement) this.#counters.increment("threadsReplaced");
        return thread.listening.resolve(report.port);
      case "drained":
        thread.handle.terminate();
        this.#threads.delete(thread);
        return leave(thread);
      case "modelsServed":
        return settleModels(thread, report.revision);
      case "command":
        return void this.#command(thread, report.id, report.command);
      case "storeNeeded":
        return this.#options.store.need();
      case "storeFails":
        return this.#options.events.onStoreFails(report.reason);
      case "storeWorks":
        return this.#options.events.onStoreWorks();
      case "renewed":
        return thread.renewed?.resolve(undefined);
      case "renewFailed":
        return thread.renewed?.resolve(report.message);
      case "listenFailed":
        thread.listening.reject(new OperationError("unavailable", report.message));
        return this.#onDeath(thread, report.message);
      case "handlerError":
        return this.#options.events.onHandlerError(report.path, report.error);
      case "spansLost":
        return this.#options.events.onSpansLost(thread.owner, report.lost, report.reason);
      case "acceptFailed":
        return this.#options.events.onAcceptFailed(thread.owner, report.message);
    }
  }

  #onDeath(thread: PoolThread, message: string): void {
    if (!this.#threads.delete(thread)) return;
    thread.handle.terminate();
    const recovered = recoverFrom(thread.owner, this.#state);
    this.#options.events.onThreadGone(thread.owner, thread.row - 1);
    new Counters(this.#options.memory.counters, thread.row).settle();
    thread.listening.reject(
      new OperationError("unavailable", `Cannot start a serving thread: ${message}`),
    );
    leave(thread);
    const failsStart = thread.serves && !thread.listens && !thread.replacement;
    if (this.#phase === "starting" && failsStart) return;
    this.#options.events.onThreadDied(thread.owner, message, recovered);
    if (this.#phase === "ending") this.#diedDraining = true;
    else this.#replace(thread);
  }

  /** A spare thread takes the place at once, and the new one is spare in its stead. */
  #replace({ row, startedMs, serves }: PoolThread): void {
    const spare = serves ? this.#spare() : undefined;
    if (spare !== undefined) this.#takeOver(spare);
    const livedMs = performance.now() - startedMs;
    const restart = () => {
      const thread = this.#spawn(row);
      if (serves && spare === undefined) this.#takeOver(thread);
    };
    if (livedMs >= THREAD_RESTART_MS) return restart();
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      restart();
    }, THREAD_RESTART_MS - livedMs);
    this.#restarts.add(timer);
  }

  async #command(thread: PoolThread, id: number, command: ModelCommand): Promise<void> {
    const result = await this.#options.events.onModelCommand(command);
    if (this.#threads.has(thread)) thread.handle.postMessage({ type: "commandResult", id, result });
  }

  #takeOver(thread: PoolThread): void {
    thread.replacement = true;
    this.#listen(thread, { probePort: false });
  }
}

/** Nothing is to be waited for any more of a thread that has ended. */
function leave(thread: PoolThread): void {
  settleModels(thread, Infinity);
  thread.renewed?.resolve(undefined);
  thread.leaveStore?.();
  thread.gone.resolve();
}

function settleModels({ modelWaiters }: PoolThread, revision: number): void {
  for (const waiter of modelWaiters) {
    if (waiter.revision > revision) continue;
    modelWaiters.delete(waiter);
    waiter.resolve();
  }
}
