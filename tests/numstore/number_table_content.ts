import assert from "node:assert/strict";
import {
  CHANGE_NUMBER,
  CHANGE_WORD,
  HEAD,
  openViews,
  RECORD_NUMBERS,
  RECORD_WORD,
  RECORD_WORDS,
} from "../../lib/numstore/number_table_layout.ts";

/** What a table's memory holds: each key, as text of one character a byte, with its number. */
export function contentOf(memory: SharedArrayBuffer): Map<string, bigint> {
  const { header, changeWords, changeNumbers, buckets, recordWords, recordNumbers, arena } =
    openViews(memory);
  const current = header[HEAD.current];
  assert.ok(current === 0 || current === 1);
  const records = changeWords[current][CHANGE_WORD.records];
  const words = changeWords[current][CHANGE_WORD.words];
  const arenaBytes = new Uint8Array(arena.buffer, arena.byteOffset, 4 * words);
  const content = new Map<string, bigint>();
  const seen = new Set<number>();
  for (const [bucket, first] of buckets.entries()) {
    for (let record = first; record !== 0;) {
      assert.ok(record >= 1 && record <= records, `record ${record} of ${records}`);
      assert.ok(!seen.has(record), `record ${record} twice`);
      seen.add(record);
      const base = record * RECORD_WORDS;
      assert.equal(recordWords[base + RECORD_WORD.hash] & (buckets.length - 1), bucket);
      const from = 4 * recordWords[base + RECORD_WORD.keyWord];
      const to = from + recordWords[base + RECORD_WORD.keyBytes];
      assert.ok(to <= arenaBytes.length, "a key beyond what is in use");
      const key = String.fromCharCode(...arenaBytes.subarray(from, to));
      assert.ok(!content.has(key), `key ${key} twice`);
      content.set(key, recordNumbers[record * RECORD_NUMBERS]);
      record = recordWords[base + RECORD_WORD.next];
    }
  }
  assert.equal(seen.size, records, "a record in no bucket");
  const sum = [...content.values()].reduce((total, number) => total + number, 0n);
  assert.equal(changeNumbers[current][CHANGE_NUMBER.total], sum, "the total is not the sum");
  return content;
}
