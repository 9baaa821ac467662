import { HEAD, type JobQueueViews, LEVEL_WORDS, SLOT, SLOT_WORDS } from "./job_queue_layout.ts";

/**
 * The queued slots in line: one line for each priority level, first come, first served.
 *
 * The header's `queued` and `queuedRows` say how many are in line. The caller holds the lock.
 */
export class SlotLines {
  readonly #header: JobQueueViews["header"];
  readonly #levels: JobQueueViews["levels"];
  readonly #slots: JobQueueViews["slots"];

  constructor({ header, levels, slots }: JobQueueViews) {
    this.#header = header;
    this.#levels = levels;
    this.#slots = slots;
  }

  /** The first slot in the line of a level; 0 if there is none. */
  first(level: number): number {
    return this.#levels[level * LEVEL_WORDS];
  }

  /** The slot behind this one; 0 if it is the last of its level. */
  behind(slot: number): number {
    return this.#slots[slot * SLOT_WORDS + SLOT.next];
  }

  /** Puts a slot that is in no line at the end of that of its level. */
  append(slot: number): void {
    const level = this.#levelOf(slot);
    this.#insert(slot, this.#levels[level + 1], 0, level);
  }

  /** Puts a slot that is in no line at the head of that of its level. */
  prepend(slot: number): void {
    const level = this.#levelOf(slot);
    this.#insert(slot, 0, this.#levels[level], level);
  }

  /** Takes a slot out of its line. */
  remove(slot: number): void {
    const slots = this.#slots;
    const base = slot * SLOT_WORDS;
    const level = this.#levelOf(slot);
    const previous = slots[base + SLOT.previous];
    const next = slots[base + SLOT.next];
    if (previous === 0) this.#levels[level] = next;
    else slots[previous * SLOT_WORDS + SLOT.next] = next;
    if (next === 0) this.#levels[level + 1] = previous;
    else slots[next * SLOT_WORDS + SLOT.previous] = previous;
    this.#header[HEAD.queued]--;
    this.#header[HEAD.queuedRows] -= slots[base + SLOT.rows];
  }

  #insert(slot: number, previous: number, next: number, level: number): void {
    const slots = this.#slots;
    const base = slot * SLOT_WORDS;
    slots[base + SLOT.previous] = previous;
    slots[base + SLOT.next] = next;
    if (previous === 0) this.#levels[level] = slot;
    else slots[previous * SLOT_WORDS + SLOT.next] = slot;
    if (next === 0) this.#levels[level + 1] = slot;
    else slots[next * SLOT_WORDS + SLOT.previous] = slot;
    this.#header[HEAD.queued]++;
    this.#header[HEAD.queuedRows] += slots[base + SLOT.rows];
  }

  #levelOf(slot: number): number {
    return this.#slots[slot * SLOT_WORDS + SLOT.level] * LEVEL_WORDS;
  }
}
