import { RECORD, RECORD_WORDS } from "./cache_layout.ts";

/**
 * Rings of records, each through a hinge: a record that holds no entry, whose `next` is the ring's
 * first record and whose `prev` is its last one, both the hinge itself while the ring is empty.
 * The caller holds the mutex.
 */

/** Makes the ring empty, whatever its links were. */
export function emptyRing(records: Int32Array, hinge: number): void {
  records[hinge * RECORD_WORDS + RECORD.prev] = hinge;
  records[hinge * RECORD_WORDS + RECORD.next] = hinge;
}

/** Makes a record that is in no ring the first of this one. */
export function linkFirst(records: Int32Array, hinge: number, record: number): void {
  const second = records[hinge * RECORD_WORDS + RECORD.next];
  records[record * RECORD_WORDS + RECORD.prev] = hinge;
  records[record * RECORD_WORDS + RECORD.next] = second;
  records[second * RECORD_WORDS + RECORD.prev] = record;
  records[hinge * RECORD_WORDS + RECORD.next] = record;
}

/** Takes a record out of its ring. */
export function unlink(records: Int32Array, record: number): void {
  const prev = records[record * RECORD_WORDS + RECORD.prev];
  const next = records[record * RECORD_WORDS + RECORD.next];
  records[prev * RECORD_WORDS + RECORD.next] = next;
  records[next * RECORD_WORDS + RECORD.prev] = prev;
}

/** The record after the hinge: the hinge itself if the ring is empty. */
export function firstOf(records: Int32Array, hinge: number): number {
  return records[hinge * RECORD_WORDS + RECORD.next];
}

/** The record before `record`: of the hinge, the ring's last, or itself if the ring is empty. */
export function before(records: Int32Array, record: number): number {
  return records[record * RECORD_WORDS + RECORD.prev];
}
