import type { SharedMutex } from "../lock/shared_mutex.ts";
import { ARENA_BLOCK_BYTES, BuddyArena } from "./buddy_arena.ts";
import { CompletionRings } from "./completion_rings.ts";
import { FlightIndex, type RequestHash } from "./flight_index.ts";
import { InstanceRoster } from "./instance_roster.ts";
import { decodeCode, encodeCode, type JobFailure } from "./job_failure.ts";
import {
  boundsOf,
  ERROR_BYTES,
  HEAD,
  HEAD_TRUSTED,
  INSTANCE,
  INSTANCE_WORDS,
  type JobQueueBounds,
  type JobQueueViews,
  MASK_WORDS,
  openViews,
  SLOT,
  SLOT_WORDS,
  STATE,
  THREAD,
  THREAD_WORDS,
  TIME,
  TIME_NUMBERS,
} from "./job_queue_layout.ts";
import type { JobQueueMemory } from "./job_queue_memory.ts";
import type { Payload, RequestPayload, ResponsePayload } from "./payload.ts";
import { SlotLines } from "./slot_lines.ts";
import { addThread, forEachThread, hasNoThread, hasThread, removeThread } from "./thread_mask.ts";

/** What a slot is filled with. Times are on the shared clock, Infinity for no deadline. */
export interface NewJob {
  readonly request: RequestPayload;
  readonly rows: number;
  readonly group: number;
  readonly priority: number;
  readonly hash: RequestHash | undefined;
  readonly thread: number;
  readonly arrivalMs: number;
  readonly deadlineMs: number;
}

/** A bound that stands in the way of one more job. */
export type FullBound = "slots" | "arena";

/** A job that can be told from a later one in the same slot. */
export interface JobId {
  readonly slot: number;
  readonly sequence: number;
}

const ENCODER = new TextEncoder();

/** Jobs of this group run alone. */
export const GROUP_ALONE = -1;

/**
 * One thread's hands on the jobs of a queue: what may happen to a slot, as the drawing of
 * `job_queue_layout.ts` has it.
 *
 * Every method demands that the thread holds `mutex`, unless it says otherwise; those who make jobs wait
 * or end flush `roster` and tell the threads of `rings` once they have released it.
 */
export class JobTable {
  readonly mutex: SharedMutex;
  readonly views: JobQueueViews;
  readonly bounds: JobQueueBounds;
  readonly lines: SlotLines;
  readonly rings: CompletionRings;
  readonly roster: InstanceRoster;
  readonly #regions: BuddyArena;
  readonly #index: FlightIndex;
  readonly #arena: Uint8Array<SharedArrayBuffer>;
  readonly #errors: Uint8Array<SharedArrayBuffer>;
  readonly #text = new Uint8Array(ERROR_BYTES);
  /** Threads that have something in their ring since they were last told. */
  readonly #untold = new Set<number>();

  /** @param mutex this thread's handle on the queue's lock */
  constructor(memory: JobQueueMemory, mutex: SharedMutex) {
    const views = openViews(memory.table);
    this.mutex = mutex;
    this.views = views;
    this.bounds = boundsOf(views.header);
    this.lines = new SlotLines(views);
    this.rings = new CompletionRings(views);
    this.roster = new InstanceRoster(views);
    this.#regions = new BuddyArena(views.buddies, this.bounds.arenaBlocks);
    this.#index = new FlightIndex(views);
    this.#arena = new Uint8Array(memory.arena);
    const { buffer, byteOffset, byteLength } = views.errors;
    this.#errors = new Uint8Array(buffer, byteOffset, byteLength);
  }

  /** Grows when everything was thrown away after a death. */
  get epoch(): number {
    return this.views.header[HEAD.epoch];
  }

  get isClosing(): boolean {
    return this.views.header[HEAD.closing] !== 0;
  }

  /** Whether there is no instance, and no hope for one soon. */
  get isStranded(): boolean {
    return this.views.header[HEAD.stranded] !== 0;
  }

  /** Bytes of the arena, those in use first. */
  get arenaUse(): { readonly used: number; readonly all: number } {
    return {
      used: this.#regions.usedBlocks * ARENA_BLOCK_BYTES,
      all: this.bounds.arenaBlocks * ARENA_BLOCK_BYTES,
    };
  }

  /** The most bytes of a request or a response that an empty queue has room for. */
  get payloadBytesMax(): number {
    return this.#regions.largestBytes;
  }

  /** One of a slot's words. @param word of `SLOT` */
  get(slot: number, word: number): number {
    return this.views.slots[slot * SLOT_WORDS + word];
  }

  /** One of a slot's times. @param time of `TIME` */
  time(slot: number, time: number): number {
    return this.views.times[slot * TIME_NUMBERS + time];
  }

  setTime(slot: number, time: number, ms: number): void {
    this.views.times[slot * TIME_NUMBERS + time] = ms;
  }

  idOf(slot: number): JobId {
    return { slot, sequence: this.get(slot, SLOT.sequence) };
  }

  /** Whether the slot still holds this job, and in this state. @param state of `STATE` */
  isIn(state: number, { slot, sequence }: JobId): boolean {
    return this.get(slot, SLOT.sequence) === sequence && this.get(slot, SLOT.state) === state;
  }

  /** Whether the slot is to be run by itself, whatever else is in line. */
  isAlone(slot: number): boolean {
    return this.get(slot, SLOT.group) === GROUP_ALONE || this.get(slot, SLOT.fences) !== 0;
  }

  /**
   * Puts a job in line.
   *
   * @returns its slot, or what there is not enough of; then nothing changed
   */
  add(job: NewJob): number | FullBound {
    this.mutex.assertHeld();
    const { header, slots } = this.views;
    if (header[HEAD.used] >= this.bounds.slots) return "slots";
    const region = this.#store(job.request);
    if (region === undefined) return "arena";
    const slot = this.#takeSlot();
    const base = slot * SLOT_WORDS;
    slots[base + SLOT.state] = STATE.queued;
    slots[base + SLOT.level] = job.priority;
    slots[base + SLOT.group] = job.group;
    slots[base + SLOT.rows] = job.rows;
    slots[base + SLOT.request] = region;
    slots[base + SLOT.requestBytes] = job.request.byteLength;
    slots[base + SLOT.fences] = 0;
    this.setTime(slot, TIME.arrival, job.arrivalMs);
    this.setTime(slot, TIME.deadline, job.deadlineMs);
    if (job.hash !== undefined) this.#index.insert(slot, job.hash);
    addThread(slots, slot, job.thread);
    this.lines.append(slot);
    this.roster.jobCame(this.isAlone(slot) || this.isClosing);
    return slot;
  }

  /** The slot that holds the same request, queued or running; 0 if none does. @param request from a buffer's start */
  find(hash: RequestHash, request: Uint8Array<ArrayBuffer>): number {
    this.mutex.assertHeld();
    return this.#index.find(hash, request.byteLength, (slot) => {
      return isSame(this.requestOf(slot), request);
    });
  }

  /** Whether some request in flight has this hash and length. */
  mayFind(hash: RequestHash, bytes: number): boolean {
    this.mutex.assertHeld();
    return this.#index.find(hash, bytes, () => true) !== 0;
  }

  /** One more thread waits for the slot's job, in a line as good and as long as it asks for. */
  join(slot: number, { thread, priority, deadlineMs }: NewJob): void {
    this.mutex.assertHeld();
    const { slots } = this.views;
    addThread(slots, slot, thread);
    if (deadlineMs > this.time(slot, TIME.deadline)) this.setTime(slot, TIME.deadline, deadlineMs);
    if (this.get(slot, SLOT.state) !== STATE.queued) return;
    if (priority >= this.get(slot, SLOT.level)) return;
    this.lines.remove(slot);
    slots[slot * SLOT_WORDS + SLOT.level] = priority;
    this.lines.append(slot);
  }

  /**
   * The thread waits no more for a job that may be under way: if nobody does, and it is still in line, it
   * leaves it, and its memory is free. One that is done is left to `release`.
   */
  leave(id: JobId, thread: number): void {
    this.mutex.assertHeld();
    const { slot } = id;
    const isQueued = this.isIn(STATE.queued, id);
    if (!isQueued && !this.isIn(STATE.running, id)) return;
    removeThread(this.views.slots, slot, thread);
    if (!isQueued || !hasNoThread(this.views.slots, slot)) return;
    this.#unline(slot);
    this.#index.remove(slot);
    this.#free(slot);
  }

  /** Some of the thread's own waiters have gone: if only they waited, the job's deadline is that of the rest. */
  limitDeadline(id: JobId, thread: number, deadlineMs: number): void {
    this.mutex.assertHeld();
    const { slots } = this.views;
    const { slot } = id;
    if (!this.isIn(STATE.queued, id)) return;
    removeThread(slots, slot, thread);
    if (hasNoThread(slots, slot)) this.setTime(slot, TIME.deadline, deadlineMs);
    addThread(slots, slot, thread);
  }

  /** The thread has its copy of what came of the job, or does not want it. */
  release(slot: number, thread: number): void {
    this.mutex.assertHeld();
    const { slots } = this.views;
    if (!hasThread(slots, slot, thread)) return;
    removeThread(slots, slot, thread);
    if (hasNoThread(slots, slot)) this.#free(slot);
  }

  /** A job in line is run by `owner`. */
  start(slot: number, owner: number, nowMs: number): void {
    this.mutex.assertHeld();
    this.#unline(slot);
    const { header, slots } = this.views;
    slots[slot * SLOT_WORDS + SLOT.state] = STATE.running;
    slots[slot * SLOT_WORDS + SLOT.runner] = owner;
    this.setTime(slot, TIME.started, nowMs);
    header[HEAD.running]++;
  }

  /** A running job goes back to the head of its line, to be run by itself. */
  requeue(slot: number): void {
    this.mutex.assertHeld();
    const { header, slots } = this.views;
    header[HEAD.running]--;
    slots[slot * SLOT_WORDS + SLOT.state] = STATE.queued;
    slots[slot * SLOT_WORDS + SLOT.runner] = 0;
    slots[slot * SLOT_WORDS + SLOT.fences]++;
    this.lines.prepend(slot);
    this.roster.jobCame(true);
  }

  /**
   * A running job is done.
   *
   * @param stored gets the request and the response while nobody can see yet that it is done
   * @returns false if there is no room for the response, not even in place of the request, which is gone
   *   then: the job can only `fail` any more, and so it is if this throws and the job still runs
   */
  complete(
    slot: number,
    response: ResponsePayload,
    stored: ((request: Uint8Array, response: Uint8Array) => void) | undefined,
    nowMs: number,
  ): boolean {
    this.mutex.assertHeld();
    const { slots } = this.views;
    const base = slot * SLOT_WORDS;
    let request: Uint8Array = this.requestOf(slot);
    let region = this.#store(response);
    if (region === undefined) {
      // A full arena still has room for a response where the request was.
      request = request.slice();
      this.#freeRequest(slot);
      region = this.#store(response);
    }
    if (region === undefined) return false;
    slots[base + SLOT.response] = region;
    slots[base + SLOT.responseBytes] = response.byteLength;
    try {
      stored?.(request, this.responseOf(slot));
    } finally {
      this.#end(slot, STATE.done, nowMs);
    }
    return true;
  }

  /** A queued or running job has failed. */
  fail(slot: number, { code, message }: JobFailure, nowMs: number): void {
    this.mutex.assertHeld();
    const { slots } = this.views;
    const base = slot * SLOT_WORDS;
    // Cut between characters if it is too long.
    const { written } = ENCODER.encodeInto(message, this.#text);
    this.#errors.set(this.#text.subarray(0, written), slot * ERROR_BYTES);
    slots[base + SLOT.errorCode] = encodeCode(code);
    slots[base + SLOT.errorBytes] = written;
    if (slots[base + SLOT.state] === STATE.queued) {
      this.#unline(slot);
      this.setTime(slot, TIME.started, nowMs);
      this.views.header[HEAD.running]++;
    }
    this.#end(slot, STATE.failed, nowMs);
  }

  /** How the job of a failed slot has failed. Needs no lock while the thread waits for it. */
  failureOf(slot: number): JobFailure {
    const from = slot * ERROR_BYTES;
    const text = this.#errors.slice(from, from + this.get(slot, SLOT.errorBytes));
    return {
      code: decodeCode(this.get(slot, SLOT.errorCode)),
      message: new TextDecoder().decode(text),
    };
  }

  /** The request as it lies in the arena, at a multiple of 64 bytes. */
  requestOf(slot: number): Uint8Array<SharedArrayBuffer> {
    return this.#bytesOf(this.get(slot, SLOT.request), this.get(slot, SLOT.requestBytes));
  }

  /** The response as it lies in the arena. Needs no lock while the thread waits for it. */
  responseOf(slot: number): Uint8Array<SharedArrayBuffer> {
    return this.#bytesOf(this.get(slot, SLOT.response), this.get(slot, SLOT.responseBytes));
  }

  /** Calls `each` with every slot that is in use. Cost: O(slots that ever were). */
  forEachUsed(each: (slot: number) => void): void {
    this.mutex.assertHeld();
    const last = this.views.header[HEAD.slotBump];
    for (let slot = 1; slot <= last; slot++) {
      if (this.get(slot, SLOT.state) !== STATE.free) each(slot);
    }
  }

  /** Whether this thread of ours is still the one whom the queue knows by this number. */
  isOwnerOf(thread: number, owner: number): boolean {
    return this.views.threads[thread * THREAD_WORDS + THREAD.owner] === owner;
  }

  setOwnerOf(thread: number, owner: number): void {
    this.views.threads[thread * THREAD_WORDS + THREAD.owner] = owner;
  }

  /** All threads are told, whether there is something in their rings or not. */
  tellAllThreads(): void {
    for (let thread = 0; thread < this.bounds.threads; thread++) this.#untold.add(thread);
  }

  /** Calls `tell` with each thread that has something in its ring. After the lock is released. */
  flushThreads(tell: (thread: number) => void): void {
    for (const thread of this.#untold) tell(thread);
    this.#untold.clear();
  }

  /**
   * Makes the queue usable after a thread died while it held the lock: throws every job away, rebuilds
   * every structure without reading the old one, and starts an epoch that never was before.
   *
   * Trusted are only words that change by a single store: bounds, epoch, owners, sequences. Cost: O(bounds).
   */
  reset(): void {
    this.mutex.assertHeld();
    const { header, levels, buckets, slots, threads, instances } = this.views;
    header[HEAD.epoch]++;
    header.fill(0, HEAD_TRUSTED);
    levels.fill(0);
    buckets.fill(0);
    for (let base = SLOT_WORDS; base < slots.length; base += SLOT_WORDS) {
      const sequence = slots[base + SLOT.sequence];
      slots.fill(0, base, base + SLOT_WORDS);
      slots[base + SLOT.sequence] = sequence + 1;
    }
    for (let base = 0; base < threads.length; base += THREAD_WORDS) {
      threads[base + THREAD.pushed] = 0;
      threads[base + THREAD.popped] = 0;
    }
    for (let base = 0; base < instances.length; base += INSTANCE_WORDS) {
      instances[base + INSTANCE.idle] = 0;
    }
    this.#regions.reset();
  }

  #end(slot: number, state: number, nowMs: number): void {
    const { header, slots } = this.views;
    const base = slot * SLOT_WORDS;
    header[HEAD.running]--;
    this.#index.remove(slot);
    this.#freeRequest(slot);
    slots[base + SLOT.state] = state;
    slots[base + SLOT.runner] = 0;
    this.setTime(slot, TIME.ended, nowMs);
    if (hasNoThread(slots, slot)) return this.#free(slot);
    forEachThread(slots, slot, (thread) => {
      this.rings.push(thread, slot);
      this.#untold.add(thread);
    });
  }

  #unline(slot: number): void {
    this.lines.remove(slot);
    this.roster.rowsWent(this.get(slot, SLOT.rows));
  }

  /** Writes a payload into a region of its own; undefined if there is no room. */
  #store(payload: Payload): number | undefined {
    const region = this.#regions.allocate(payload.byteLength);
    if (region === undefined) return undefined;
    try {
      payload.writeTo(this.#arena, BuddyArena.offsetOf(region));
    } catch (error) {
      this.#regions.free(region);
      throw error;
    }
    return region;
  }

  #bytesOf(region: number, bytes: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#arena.buffer, BuddyArena.offsetOf(region), bytes >>> 0);
  }

  #takeSlot(): number {
    const { header, slots } = this.views;
    header[HEAD.used]++;
    const slot = header[HEAD.freeSlot];
    if (slot === 0) return ++header[HEAD.slotBump];
    header[HEAD.freeSlot] = slots[slot * SLOT_WORDS + SLOT.next];
    return slot;
  }

  #freeRequest(slot: number): void {
    const { slots } = this.views;
    const word = slot * SLOT_WORDS + SLOT.request;
    if (slots[word] !== 0) this.#regions.free(slots[word]);
    slots[word] = 0;
  }

  #free(slot: number): void {
    const { header, slots } = this.views;
    const base = slot * SLOT_WORDS;
    this.#freeRequest(slot);
    if (slots[base + SLOT.response] !== 0) this.#regions.free(slots[base + SLOT.response]);
    slots[base + SLOT.response] = 0;
    slots.fill(0, base + SLOT.mask, base + SLOT.mask + MASK_WORDS);
    slots[base + SLOT.state] = STATE.free;
    slots[base + SLOT.sequence]++;
    slots[base + SLOT.next] = header[HEAD.freeSlot];
    header[HEAD.freeSlot] = slot;
    header[HEAD.used]--;
  }
}

/** Whether two requests of the same length, aligned to words, are the same. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  const words = one.length >>> 2;
  const oneWords = new Int32Array(one.buffer, one.byteOffset, words);
  const otherWords = new Int32Array(other.buffer, other.byteOffset, words);
  for (let word = 0; word < words; word++) if (oneWords[word] !== otherWords[word]) return false;
  for (let byte = 4 * words; byte < one.length; byte++) if (one[byte] !== other[byte]) return false;
  return true;
}
