import { MASK_WORDS, SLOT, SLOT_WORDS } from "./job_queue_layout.ts";

/** Adds a thread to those who wait for the slot's job. */
export function addThread(slots: Int32Array, slot: number, thread: number): void {
  slots[wordOf(slot, thread)] |= 1 << (thread & 31);
}

/** Takes a thread away from those who wait for the slot's job. */
export function removeThread(slots: Int32Array, slot: number, thread: number): void {
  slots[wordOf(slot, thread)] &= ~(1 << (thread & 31));
}

/** Whether the thread waits for the slot's job. */
export function hasThread(slots: Int32Array, slot: number, thread: number): boolean {
  return (slots[wordOf(slot, thread)] & (1 << (thread & 31))) !== 0;
}

/** Whether nobody waits for the slot's job. */
export function hasNoThread(slots: Int32Array, slot: number): boolean {
  const first = slot * SLOT_WORDS + SLOT.mask;
  for (let word = 0; word < MASK_WORDS; word++) if (slots[first + word] !== 0) return false;
  return true;
}

/** Calls `each` with every thread that waits for the slot's job. */
export function forEachThread(
  slots: Int32Array,
  slot: number,
  each: (thread: number) => void,
): void {
  const first = slot * SLOT_WORDS + SLOT.mask;
  for (let word = 0; word < MASK_WORDS; word++) {
    for (let bits = slots[first + word]; bits !== 0; bits &= bits - 1) {
      each(32 * word + 31 - Math.clz32(bits & -bits));
    }
  }
}

function wordOf(slot: number, thread: number): number {
  return slot * SLOT_WORDS + SLOT.mask + (thread >>> 5);
}
