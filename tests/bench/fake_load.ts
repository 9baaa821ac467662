import { Arrivals } from "../../lib/bench/arrivals.ts";
import type { BenchCallOptions, Caller, Outcome } from "../../lib/bench/caller.ts";
import { ClosedLoop } from "../../lib/bench/closed_loop.ts";
import type { LoadLoopRun } from "../../lib/bench/load_loop.ts";
import type { LoadLength, LoadLoop } from "../../lib/bench/load_plan.ts";
import { LoadWindow } from "../../lib/bench/load_window.ts";
import { OpenLoop } from "../../lib/bench/open_loop.ts";
import { RunTally, type RunTotals } from "../../lib/bench/run_tally.ts";
import { SecondRecorder } from "../../lib/bench/second_record.ts";
import type { TrailerField } from "../../lib/bench/server_report.ts";

/** A clock that moves only when the test says so, and what is to happen when. */
export class FakeClock {
  nowMs = 0;
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = [];

  at(atMs: number, run: () => void): void {
    this.#events.push({ atMs: Math.max(atMs, this.nowMs), run });
  }

  /** Goes from event to event, with all that follows from each, until there is none or `untilMs`. */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      await settle();
      const next = this.#events.reduce(
        (first, event) => event.atMs < first.atMs ? event : first,
        { atMs: Infinity, run: () => {} },
      );
      if (next.atMs > untilMs) break;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = untilMs;
  }
}

/** Lets what is resolved be heard. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await Promise.resolve();
}

/** When a call that is made at `sentMs` ends, and how. */
type CallScript = (
  sentMs: number,
  connection: number,
) => {
  readonly endMs: number;
  readonly answer: Outcome | Error;
  readonly trailers?: readonly TrailerField[];
};

/** Answers each call when, and as, the script says; it is told when the call was made. */
export class FakeCaller implements Caller<Outcome> {
  readonly #clock: FakeClock;
  readonly #script: CallScript;
  readonly sentMs: number[] = [];
  readonly connections: number[] = [];
  inFlight = 0;
  inFlightMax = 0;

  constructor(clock: FakeClock, script: CallScript) {
    this.#clock = clock;
    this.#script = script;
  }

  call(connection: number, options: BenchCallOptions): Promise<Outcome> {
    this.sentMs.push(this.#clock.nowMs);
    this.connections.push(connection);
    this.inFlightMax = Math.max(this.inFlightMax, ++this.inFlight);
    const { endMs, answer, trailers = [] } = this.#script(this.#clock.nowMs, connection);
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#clock.at(endMs, () => {
      this.inFlight--;
      options.onTrailerFields(trailers);
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    });
    return promise;
  }

  outcomeOf(outcome: Outcome): Outcome {
    return outcome;
  }

  codeOf(error: unknown): string {
    return (error as Error).message;
  }
}

/** A load on one thread of a fake clock. */
export interface FakeLoadOptions {
  readonly clock: FakeClock;
  readonly caller: FakeCaller;
  /** Of further workloads, and what draws one. */
  readonly others?: readonly FakeCaller[];
  readonly draw?: () => number;
  readonly loop: LoadLoop;
  readonly length: LoadLength;
  readonly warmupMs?: number;
  readonly connections?: number;
  readonly callsMax?: number;
}

/** The loop, and what it will have recorded. */
export interface FakeLoad {
  readonly loop: LoadLoopRun;
  readonly window: LoadWindow;
  totals(): RunTotals;
}

/** A load as a thread has it, with the test's clock in the place of the real one. */
export function fakeLoad(
  { clock, caller, loop, length, others = [], ...more }: FakeLoadOptions,
): FakeLoad {
  const { warmupMs = 0, connections = 1, callsMax = Infinity, draw = () => 0 } = more;
  const nowMs = () => clock.nowMs;
  const window = new LoadWindow({ length, warmupMs, thread: 0, threads: 1, beginMs: 0 });
  const tally = new RunTally(1, () => {});
  const recorder = new SecondRecorder({
    window,
    closed: loop.kind === "closed",
    workloads: 1 + others.length,
    onSecond: (record) => tally.add(record),
  });
  const callers = [caller, ...others];
  const parts = {
    ...{ callers, draw, recorder, window, connections, callsMax, nowMs },
    deadlineMs: 1_000,
  };
  return {
    window,
    loop: loop.kind === "closed" ? new ClosedLoop(parts, loop.inflight) : new OpenLoop(parts, {
      arrivals: new Arrivals({ ...loop, seed: 1, thread: 0, threads: 1 }),
      openWakener: (onWake) => ({ wakeAt: (dueMs) => clock.at(dueMs, onWake), close() {} }),
    }),
    totals() {
      recorder.flush();
      return tally.totals();
    },
  };
}
