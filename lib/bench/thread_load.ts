import { BENCH_END_GRACE_MS, BENCH_STOP_GRACE_MS } from "../limits.ts";
import { Arrivals } from "./arrivals.ts";
import type { Caller, Traffic } from "./caller.ts";
import { ClosedLoop } from "./closed_loop.ts";
import { LagMeter, type LagRecord } from "./lag_meter.ts";
import type { LoadLoopRun, LoadParts, ScheduleRecord } from "./load_loop.ts";
import { type LoadPlan, shareOf } from "./load_plan.ts";
import { LoadWindow } from "./load_window.ts";
import { OpenLoop } from "./open_loop.ts";
import { Pacer } from "./pacer.ts";
import { type SecondRecord, SecondRecorder } from "./second_record.ts";
import { workloadDraw } from "./workload_draw.ts";

/** What one thread of a run does. */
export interface ThreadLoadOptions<Response> {
  readonly plan: LoadPlan;
  /** This thread's number, from 0. */
  readonly thread: number;
  /** One for each workload of the plan. */
  readonly callers: readonly Caller<Response>[];
  /** Calls that the server takes at once on the connection on which it takes the fewest; Infinity for any. */
  readonly callsMax: number;
  /** Of all connections of this thread, now. */
  readonly traffic: () => Traffic;
  /** When the warm-up begins, on the clock of `performance.now()`. */
  readonly beginMs: number;
  readonly onSecond: (record: SecondRecord) => void;
}

/** What one thread tells at its end, beside its seconds. */
export interface ThreadResult extends Traffic {
  /** From the end of the warm-up to the end of what was measured. */
  readonly elapsedMs: number;
  readonly schedule: ScheduleRecord | null;
  /** As `ThreadLoadOptions` has it. */
  readonly callsMax: number;
  readonly lag: LagRecord;
}

const nowMs = () => performance.now();

/** One thread's part of a run, from the warm-up to the last answer. */
export class ThreadLoad<Response> {
  readonly #options: ThreadLoadOptions<Response>;
  readonly #window: LoadWindow;
  readonly #recorder: SecondRecorder;
  readonly #loop: LoadLoopRun;
  #startTraffic: Traffic | undefined;
  #stopped = false;
  #cutOffMs = Infinity;

  constructor(options: ThreadLoadOptions<Response>) {
    const { plan, thread, callers, callsMax, beginMs, onSecond } = options;
    const { threads, loop, deadlineMs } = plan;
    this.#options = options;
    this.#window = new LoadWindow({ ...plan, thread, beginMs });
    const window = this.#window;
    const recorder = new SecondRecorder({
      window,
      closed: loop.kind === "closed",
      workloads: callers.length,
      onSecond,
    });
    this.#recorder = recorder;
    const connections = shareOf(plan.connections, thread, threads);
    const draw = workloadDraw(plan, thread);
    const parts = { callers, draw, callsMax, deadlineMs, recorder, window, connections, nowMs };
    this.#loop = openLoop(parts, plan, thread);
  }

  /** Runs to the end; once. */
  async run(): Promise<ThreadResult> {
    const { beginMs } = this.#window;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, beginMs - nowMs())));
    this.#onTick(nowMs());
    using lag = new LagMeter({
      nowMs,
      fromMs: this.#window.startMs,
      onTick: (tickMs) => this.#onTick(tickMs),
    });
    await this.#loop.run();
    this.#recorder.end();
    return {
      elapsedMs: this.#elapsedMs(),
      schedule: this.#loop.schedule,
      callsMax: this.#options.callsMax,
      lag: lag.record,
      ...this.#traffic(),
    };
  }

  /** Ends the run now; calls in flight have BENCH_STOP_GRACE_MS. */
  stop(): void {
    const cutOffMs = nowMs() + BENCH_STOP_GRACE_MS;
    if (this.#stopped) this.#cutOffMs = Math.min(this.#cutOffMs, cutOffMs);
    else this.#end(BENCH_STOP_GRACE_MS);
  }

  #onTick(tickMs: number): void {
    if (tickMs >= this.#window.startMs) {
      this.#startTraffic ??= this.#options.traffic();
      this.#recorder.advance(tickMs);
    }
    if (!this.#stopped && tickMs >= this.#window.endMs) this.#end(BENCH_END_GRACE_MS);
    if (tickMs >= this.#cutOffMs) {
      this.#cutOffMs = Infinity;
      this.#loop.cutOff(tickMs);
    }
  }

  #end(graceMs: number): void {
    const endMs = nowMs();
    this.#stopped = true;
    this.#cutOffMs = endMs + graceMs;
    this.#loop.stop(endMs);
  }

  #elapsedMs(): number {
    const { startMs, endMs } = this.#window;
    return Math.max(0, (endMs === Infinity ? this.#recorder.lastEndMs : endMs) - startMs);
  }

  #traffic(): Traffic {
    const { bytesSent, bytesReceived } = this.#options.traffic();
    const start = this.#startTraffic ?? { bytesSent, bytesReceived };
    return {
      bytesSent: bytesSent - start.bytesSent,
      bytesReceived: bytesReceived - start.bytesReceived,
    };
  }
}

function openLoop<Response>(
  parts: LoadParts<Response>,
  { loop, threads, seed }: LoadPlan,
  thread: number,
): LoadLoopRun {
  if (loop.kind === "closed") return new ClosedLoop(parts, loop.inflight);
  return new OpenLoop(parts, {
    arrivals: new Arrivals({ ...loop, threads, seed, thread }),
    openWakener: (onWake) => new Pacer(onWake, parts.nowMs),
  });
}
