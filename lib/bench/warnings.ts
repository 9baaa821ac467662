import { BENCH_LAG_MS, BENCH_LATE_MS } from "../limits.ts";
import { CUT_OFF_CODE, DEADLINE_CODE, NOT_SENT_CODE } from "./load_loop.ts";
import type { ProcessorUse } from "./processor_meter.ts";
import type { ThreadResult } from "./thread_load.ts";

/** Of the due calls that are sent late, and of an event loop's timers: from here on it shows in a p99. */
const SHARE_MAX = 0.01;

/** Of the time of processors. From here on calls wait for the client to have time for them. */
const BUSY_SHARE_MAX = 0.9;

/** Of the time of all processors. From here on whatever runs on the machine waits for them. */
const MACHINE_BUSY_SHARE_MAX = 0.95;

/** What a run was like for the client. */
export interface RunConditions {
  /** Calls at once on each connection of a closed loop; `null` in an open one. */
  readonly inflight: number | null;
  readonly threads: readonly ThreadResult[];
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  /** Of processors while it was measured; `undefined` when it ended before. */
  readonly use: ProcessorUse | undefined;
  readonly processors: number;
}

/** Why a run's figures may say more about the client than about the server; none when it kept up. */
export function warningsOf(conditions: RunConditions): string[] {
  return [
    ...scheduleWarnings(conditions),
    ...streamWarnings(conditions),
    ...lagWarnings(conditions),
    ...processorWarnings(conditions),
    ...machineWarnings(conditions),
    ...lowerBoundWarnings(conditions),
  ];
}

/**
 * Whether one of `warningsOf` tells that this machine, rather than the server, was the limit. Reports hold
 * text alone, and these begin with who it was.
 */
export function tellsOfClient(warning: string): boolean {
  return /^The (client|processors of the client)\b/.test(warning);
}

function scheduleWarnings({ threads }: RunConditions): string[] {
  const schedules = threads.flatMap(({ schedule }) => schedule ?? []);
  const sum = (of: (schedule: typeof schedules[number]) => number) =>
    schedules.reduce((total, schedule) => total + of(schedule), 0);
  const due = sum((schedule) => schedule.due);
  const late = sum((schedule) => schedule.sentLate);
  const held = sum((schedule) => schedule.held);
  const warnings: string[] = [];
  if (late > due * SHARE_MAX) {
    warnings.push(
      `The client sent ${
        percent(late / due)
      } of the calls more than ${BENCH_LATE_MS} ms after they were due: ` +
        "latency from due includes its own delay; use more threads or a lower rate",
    );
  }
  if (held > due * SHARE_MAX) {
    warnings.push(
      `${
        percent(held / due)
      } of the calls were due while as many were in flight as may be, and waited: ` +
        "latency from due includes that wait; the server, or too few connections, is the limit",
    );
  }
  return warnings;
}

/** An open loop counts what waits as held; what waits in a closed one has been counted as sent. */
function streamWarnings({ inflight, threads }: RunConditions): string[] {
  const callsMax = Math.min(...threads.map((thread) => thread.callsMax));
  if (inflight === null || inflight <= callsMax) return [];
  return [
    `The server takes ${callsMax} calls at once on a connection, and ${inflight} were made: the others waited ` +
    "in the client, and their latency includes that; use more connections",
  ];
}

function lagWarnings({ threads }: RunConditions): string[] {
  const ticks = threads.reduce((sum, { lag }) => sum + lag.ticks, 0);
  const late = threads.reduce((sum, { lag }) => sum + lag.lateTicks, 0);
  if (late <= ticks * SHARE_MAX) return [];
  const maxMs = Math.max(...threads.map(({ lag }) => lag.maxMs));
  return [
    `The client's event loop was more than ${BENCH_LAG_MS} ms behind for ${
      percent(late / ticks)
    } of its timers, ` +
    `${maxMs.toFixed(0)} ms at most: high percentiles include that`,
  ];
}

/** An open loop asks the clock all the time, so how busy it is tells nothing. */
function processorWarnings(conditions: RunConditions): string[] {
  const { inflight, threads, use, processors } = conditions;
  if (inflight === null || use === undefined) return [];
  const usable = Math.min(threads.length, processors);
  const share = use.processMs / (use.elapsedMs * usable);
  if (!(share > BUSY_SHARE_MAX)) return [];
  return [
    `The client used ${percent(share)} of the ${usable} processor${
      usable > 1 ? "s" : ""
    } that its threads can use: ` +
    "the rate is its limit rather than the server's; use more threads, or more processors",
  ];
}

function machineWarnings({ use }: RunConditions): string[] {
  const share = use?.machineBusyShare ?? 0;
  if (!(share > MACHINE_BUSY_SHARE_MAX)) return [];
  return [
    `The processors of the client's machine were busy for ${
      percent(share)
    } of the time, with whatever ran on it: ` +
    "the client waited for them, and a server on the same machine did too",
  ];
}

function lowerBoundWarnings({ errors }: RunConditions): string[] {
  const counted = new Map(errors.map(({ code, count }) => [code, count]));
  const causes = [
    [DEADLINE_CODE, "ran out of their deadline"],
    [CUT_OFF_CODE, "were cut off at the end of the run"],
    [NOT_SENT_CODE, "were due and not sent before the end of the run"],
  ].flatMap(([code, what]) => {
    const count = counted.get(code) ?? 0;
    return count === 0 ? [] : [`${count} ${what}`];
  });
  if (causes.length === 0) return [];
  return [
    `Of the calls ${causes.join(", ")}: they count with the time they had taken by then, so high ` +
    "percentiles are lower bounds",
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
