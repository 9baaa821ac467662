import {
  AGE_GRACE_MS,
  AGE_JITTER,
  HELD_BACK_MS,
  KEEPALIVE_ANSWER_MS,
  PREFACE_TIMEOUT_MS,
  STALLED_MS,
} from "../limits.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";

/** How far a connection's work has got. Bytes and frames are counted from its start, never back. */
export interface Pulse {
  readonly bytesRead: number;
  /** Whether input is read at all: else it is not the peer who is late with it. */
  readonly reading: boolean;
  readonly framesTaken: number;
  /** Whether a frame or a header block has begun and not ended. */
  readonly insideFrame: boolean;
  /** Bytes of output that the transport has taken, and those that it has not. */
  readonly bytesTaken: number;
  readonly bytesUntaken: number;
  /** Bytes of data that have left the streams' queues, and those that wait for flow control. */
  readonly unqueuedBytes: number;
  readonly queuedBytes: number;
}

/** What a keeper needs of a connection. */
export interface KeptConnection {
  readonly pulse: Pulse;
  readonly streamCount: number;
  readonly greeted: Promise<void>;
  unfinishedStreams(): Iterable<{ readonly id: number; readonly receivedBytes: number }>;
  ping(): void;
  shutdown(): Promise<void>;
  cutOff(error: Http2Error): void;
  close(error: Error): void;
}

/** How long a connection may be what. All in milliseconds; Infinity for as long as it likes. */
export interface KeeperTimes {
  /** From its start until the peer has shown that it speaks HTTP/2. */
  readonly prefaceMs: number;
  /** Quiet before it is asked by PING whether it lives, and then without an answer. */
  readonly quietMs: number;
  readonly answerMs: number;
  /** Without any stream. */
  readonly idleMs: number;
  /** Open, and then with streams that were open before. */
  readonly ageMs: number;
  readonly ageGraceMs: number;
  /** With a frame or request unfinished, or output untaken, and no progress. */
  readonly stalledMs: number;
  /** With data that flow control holds back, and no progress. */
  readonly heldBackMs: number;
}

/** Times that suit a server; a connection may be quiet, idle and old for ever. */
export const KEEPER_TIMES: KeeperTimes = {
  prefaceMs: PREFACE_TIMEOUT_MS,
  quietMs: Infinity,
  answerMs: KEEPALIVE_ANSWER_MS,
  idleMs: Infinity,
  ageMs: Infinity,
  ageGraceMs: AGE_GRACE_MS,
  stalledMs: STALLED_MS,
  heldBackMs: HELD_BACK_MS,
};

/**
 * Watches one connection and ends it when it is dead, idle, stalled or old.
 *
 * `check` is called every so often and compares what has happened since the last time: so nothing of
 * this costs a request anything, and a time is over up to one round late.
 *
 * Source: RFC 9113 §9.1, §10.5; gRPC keepalive (doc/keepalive.md) and connection age (proposal A9).
 */
export class Keeper {
  readonly #connection: KeptConnection;
  readonly #times: KeeperTimes;
  readonly #startedMs: number;
  readonly #ageMs: number;
  readonly #idleMs: number;
  readonly #requests = new Map<number, Progress>();
  readonly #quiet: Progress;
  readonly #input: Progress;
  readonly #output: Progress;
  readonly #queue: Progress;
  #greeted = false;
  #pingedMs: number | undefined;
  #idleSinceMs: number;
  #leavingSinceMs: number | undefined;

  /** @param nowMs on the clock of `performance.now()`, as in `check` */
  constructor(connection: KeptConnection, times: KeeperTimes, nowMs: number) {
    this.#connection = connection;
    this.#times = times;
    this.#startedMs = nowMs;
    this.#idleSinceMs = nowMs;
    this.#ageMs = scatter(times.ageMs);
    this.#idleMs = scatter(times.idleMs);
    [this.#quiet, this.#input, this.#output, this.#queue] = Array.from(
      { length: 4 },
      () => new Progress(0, nowMs),
    );
    connection.greeted.then(() => this.#greeted = true);
  }

  /** Looks at the connection once. */
  check(nowMs: number): void {
    const times = this.#times;
    const pulse = this.#connection.pulse;
    if (!this.#greeted && nowMs - this.#startedMs >= times.prefaceMs) {
      return this.#connection.close(new Error("the peer sent no HTTP/2 preface in time"));
    }
    if (
      this.#output.stoppedMs(pulse.bytesTaken, nowMs, pulse.bytesUntaken > 0) >= times.stalledMs
    ) {
      return this.#connection.close(new Error("the peer takes no output"));
    }
    const owesInput = pulse.insideFrame && pulse.reading;
    if (this.#input.stoppedMs(pulse.framesTaken, nowMs, owesInput) >= times.stalledMs) {
      return this.#cutOff("a frame or header block was left unfinished");
    }
    if (
      this.#queue.stoppedMs(pulse.unqueuedBytes, nowMs, pulse.queuedBytes > 0) >= times.heldBackMs
    ) {
      return this.#cutOff("flow control holds data back for too long");
    }
    this.#checkRequests(nowMs);
    this.#checkLife(pulse, nowMs);
    this.#checkAge(nowMs);
  }

  #cutOff(message: string): void {
    this.#connection.cutOff(Http2Error.connection(ErrorCode.ENHANCE_YOUR_CALM, message));
  }

  #checkRequests(nowMs: number): void {
    if (this.#connection.streamCount === 0) return this.#requests.clear();
    const unfinished = [...this.#connection.unfinishedStreams()];
    const ids = new Set(unfinished.map(({ id }) => id));
    for (const id of this.#requests.keys()) {
      if (!ids.has(id)) this.#requests.delete(id);
    }
    for (const { id, receivedBytes } of unfinished) {
      const progress = this.#requests.get(id) ?? new Progress(receivedBytes, nowMs);
      this.#requests.set(id, progress);
      if (progress.stoppedMs(receivedBytes, nowMs, true) < this.#times.stalledMs) continue;
      this.#connection.cutOff(
        Http2Error.stream(id, ErrorCode.CANCEL, "the request was left unfinished"),
      );
    }
  }

  #checkLife({ bytesRead, reading }: Pulse, nowMs: number): void {
    if (this.#quiet.stoppedMs(bytesRead, nowMs, reading) < this.#times.quietMs) {
      this.#pingedMs = undefined;
    } else if (this.#pingedMs === undefined) {
      this.#pingedMs = nowMs;
      this.#connection.ping();
    } else if (nowMs - this.#pingedMs >= this.#times.answerMs) {
      this.#connection.close(new Error("the peer has not answered a PING"));
    }
  }

  #checkAge(nowMs: number): void {
    if (this.#connection.streamCount > 0) this.#idleSinceMs = nowMs;
    if (this.#leavingSinceMs !== undefined) {
      if (nowMs - this.#leavingSinceMs < this.#times.ageGraceMs) return;
      return this.#connection.close(new Error("calls outlived their connection's age"));
    }
    const old = nowMs - this.#startedMs >= this.#ageMs;
    if (!old && nowMs - this.#idleSinceMs < this.#idleMs) return;
    this.#leavingSinceMs = nowMs;
    this.#connection.shutdown();
  }
}

/** Since when a count has not changed. */
class Progress {
  #count: number;
  #sinceMs: number;

  constructor(count: number, nowMs: number) {
    this.#count = count;
    this.#sinceMs = nowMs;
  }

  /** @returns for how long `count` has been the same although it should change, 0 when it need not */
  stoppedMs(count: number, nowMs: number, expected: boolean): number {
    if (count !== this.#count || !expected) {
      this.#count = count;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs;
  }
}

function scatter(timeMs: number): number {
  return timeMs * (1 + AGE_JITTER * (2 * Math.random() - 1));
}
