import { RECORD, RECORD_WORDS } from "./shared_lru_layout.ts";

/**
 * Puts a record that is in no place of the ring at the most recent one.
 *
 * The ring runs through record 0: its `lruNext` is the most recent record, its `lruPrev` the least
 * recent one, both 0 while the ring is empty. The caller holds the mutex.
 */
export function linkMostRecent(records: Int32Array, record: number): void {
  const second = records[RECORD.lruNext];
  records[record * RECORD_WORDS + RECORD.lruPrev] = 0;
  records[record * RECORD_WORDS + RECORD.lruNext] = second;
  records[second * RECORD_WORDS + RECORD.lruPrev] = record;
  records[RECORD.lruNext] = record;
}

/** Takes a record out of the ring. */
export function unlink(records: Int32Array, record: number): void {
  const prev = records[record * RECORD_WORDS + RECORD.lruPrev];
  const next = records[record * RECORD_WORDS + RECORD.lruNext];
  records[prev * RECORD_WORDS + RECORD.lruNext] = next;
  records[next * RECORD_WORDS + RECORD.lruPrev] = prev;
}

/** Moves a record of the ring to the most recent place. */
export function touch(records: Int32Array, record: number): void {
  if (records[RECORD.lruNext] === record) return;
  unlink(records, record);
  linkMostRecent(records, record);
}

/** The record that was not touched for longest, or 0 if there is none. */
export function leastRecent(records: Int32Array): number {
  return records[RECORD.lruPrev];
}
