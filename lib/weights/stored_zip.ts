import { crc32 } from "node:zlib";
import { OperationError } from "../errors.ts";
import { ZIP_ENTRIES_MAX } from "../limits.ts";
import { quote } from "./quote.ts";
import { findDirectory, type ZipDirectory } from "./zip_directory.ts";

/** Source: APPNOTE.TXT 6.3.10, §4.3.7 and §4.3.12. */
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;

/** A number of 32 bits that stands in the ZIP64 extra field instead. Source: §4.5.3. */
const IN_EXTRA = 0xffff_ffff;
const ZIP64_EXTRA = 1;

/** Encrypted in some way, or a patch. Source: §4.4.4, bits 0, 5, 6 and 13. */
const FLAGS_REFUSED = 0x2061;
const METHOD_STORED = 0;

/** What the directory says of a file. */
interface Entry {
  readonly name: string;
  readonly crc: number;
  readonly bytes: number;
  readonly localOffset: number;
  /** Of the directory's record itself. */
  readonly recordBytes: number;
}

/** A file, from its local header to the end of its data. */
interface Span {
  readonly entry: Entry;
  readonly data: Uint8Array;
  readonly end: number;
}

/**
 * The files of a ZIP archive that are stored as they are.
 *
 * Nothing is inflated, so no archive is larger than its bytes; every checksum is checked; entries that
 * overlap are refused, since checking them could take quadratic time. What stands between entries, and
 * data descriptors, are not looked at: the directory says it all.
 *
 * Cost: reads every byte once.
 *
 * Source: APPNOTE.TXT 6.3.10, ZIP64 included.
 *
 * @returns by name, in the directory's order; views of `bytes`
 * @throws {OperationError} `invalid-argument` saying what is wrong, and with which entry
 */
export function readStoredZip(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const spans = readSpans(view, bytes, findDirectory(view));
  checkApart(spans);
  const files = new Map<string, Uint8Array>();
  for (const { entry: { name, crc }, data } of spans) {
    if (files.has(name)) throw refusal(`it has two entries ${quote(name)}`);
    const found = crc32(data).toString(16);
    const needed = crc.toString(16);
    if (found !== needed) {
      throw refusal(`entry ${quote(name)} is damaged: its CRC-32 is ${found}, needs ${needed}`);
    }
    files.set(name, data);
  }
  return files;
}

function readSpans(view: DataView, bytes: Uint8Array, directory: ZipDirectory): Span[] {
  if (directory.entries > ZIP_ENTRIES_MAX) {
    throw refusal(`it has ${directory.entries} entries, at most ${ZIP_ENTRIES_MAX} are read`);
  }
  const spans: Span[] = [];
  let at = directory.offset;
  for (let index = 0; index < directory.entries; index++) {
    const entry = readEntry(view, at, directory.end);
    const start = dataOffset(view, entry, directory.offset);
    const end = start + entry.bytes;
    if (end > directory.offset) throw refusal(`entry ${quote(entry.name)} runs past the data`);
    spans.push({ entry, data: bytes.subarray(start, end), end });
    at += entry.recordBytes;
  }
  if (at !== directory.end) throw refusal("its directory does not end with its last entry");
  return spans;
}

function readEntry(view: DataView, at: number, end: number): Entry {
  if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
    throw refusal("its directory has fewer entries than it says");
  }
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const recordBytes = CENTRAL_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
  if (at + recordBytes > end) throw refusal("its directory is cut short");
  const name = readName(view, at + CENTRAL_BYTES, nameBytes);
  const method = view.getUint16(at + 10, true);
  if (method !== METHOD_STORED) {
    throw refusal(`entry ${quote(name)} is compressed (method ${method}), needs to be stored`);
  }
  if ((view.getUint16(at + 8, true) & FLAGS_REFUSED) !== 0) {
    throw refusal(`entry ${quote(name)} is encrypted or a patch`);
  }
  const extra = new DataView(
    view.buffer,
    view.byteOffset + at + CENTRAL_BYTES + nameBytes,
    extraBytes,
  );
  const [bytes, packedBytes, localOffset] = widen(
    [24, 20, 42].map((offset) => view.getUint32(at + offset, true)),
    extra,
    name,
  );
  if (packedBytes !== bytes) throw refusal(`entry ${quote(name)} has two lengths`);
  return { name, crc: view.getUint32(at + 16, true), bytes, localOffset, recordBytes };
}

/** The numbers that do not fit stand in the ZIP64 extra field, in this order. Source: §4.5.3. */
function widen(numbers: readonly number[], extra: DataView, name: string): readonly number[] {
  if (!numbers.includes(IN_EXTRA)) return numbers;
  let at = 0;
  let end = 0;
  while (at + 4 <= extra.byteLength) {
    end = at + 4 + extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === ZIP64_EXTRA) break;
    at = end;
  }
  at += 4;
  return numbers.map((number) => {
    if (number !== IN_EXTRA) return number;
    if (at + 8 > Math.min(end, extra.byteLength)) {
      throw refusal(`entry ${quote(name)} has no ZIP64 length`);
    }
    at += 8;
    return Number(extra.getBigUint64(at - 8, true));
  });
}

/** Where an entry's data begin, which only its local header tells. */
function dataOffset(view: DataView, { name, localOffset }: Entry, end: number): number {
  const isThere = localOffset + LOCAL_BYTES <= end &&
    view.getUint32(localOffset, true) === LOCAL_SIGNATURE;
  if (!isThere) throw refusal(`entry ${quote(name)} has no local header`);
  const nameBytes = view.getUint16(localOffset + 26, true);
  const start = localOffset + LOCAL_BYTES + nameBytes + view.getUint16(localOffset + 28, true);
  // Readers that go by the local headers would see another archive.
  if (start > end || readName(view, localOffset + LOCAL_BYTES, nameBytes) !== name) {
    throw refusal(`entry ${quote(name)} has another name in its local header`);
  }
  return start;
}

function readName(view: DataView, at: number, length: number): string {
  try {
    return utf8.decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
  } catch {
    throw refusal("an entry's name is not UTF-8");
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function checkApart(spans: readonly Span[]): void {
  const ordered = spans.toSorted((left, right) => left.entry.localOffset - right.entry.localOffset);
  for (let index = 1; index < ordered.length; index++) {
    const [before, span] = [ordered[index - 1], ordered[index]];
    if (span.entry.localOffset < before.end) {
      throw refusal(`entries ${quote(before.entry.name)} and ${quote(span.entry.name)} overlap`);
    }
  }
}

function refusal(why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read the ZIP archive: ${why}`);
}
