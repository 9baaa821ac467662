import { OperationError } from "../errors.ts";

/** Source: APPNOTE.TXT 6.3.10, §4.3.14 to §4.3.16. */
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;

/** Numbers that stand in the ZIP64 record instead. Source: §4.4.1.4. */
const IN_END64_16 = 0xffff;
const IN_END64_32 = 0xffff_ffff;

/** Where an archive's central directory stands, and how many entries it says it has. */
export interface ZipDirectory {
  readonly offset: number;
  readonly end: number;
  readonly entries: number;
}

/**
 * Finds the central directory, by the end of the archive: all data stand before it, and nothing between it
 * and the records of the end.
 *
 * @throws {OperationError} `invalid-argument` when there is none, or its two ends say different things
 */
export function findDirectory(view: DataView): ZipDirectory {
  const endAt = findEnd(view);
  const parts = view.getUint16(endAt + 4, true) | view.getUint16(endAt + 6, true);
  const entries = view.getUint16(endAt + 10, true);
  const bytes = view.getUint32(endAt + 12, true);
  const offset = view.getUint32(endAt + 16, true);
  if (parts !== 0 && parts !== IN_END64_16 || view.getUint16(endAt + 8, true) !== entries) {
    throw refusal("it is a part of several");
  }
  const end64At = findEnd64(view, endAt);
  if (end64At === undefined) return checked({ offset, end: offset + bytes, entries }, endAt);
  const wide = {
    entries: agreed(entries, IN_END64_16, view.getBigUint64(end64At + 32, true)),
    bytes: agreed(bytes, IN_END64_32, view.getBigUint64(end64At + 40, true)),
    offset: agreed(offset, IN_END64_32, view.getBigUint64(end64At + 48, true)),
  };
  return checked({ ...wide, end: wide.offset + wide.bytes }, end64At);
}

/** The last place where the record of the end stands with a comment that reaches to the last byte. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - COMMENT_BYTES_MAX); at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + view.getUint16(at + 20, true) === last) return at;
  }
  throw refusal(`${view.byteLength} bytes without the end of one`);
}

function findEnd64(view: DataView, endAt: number): number | undefined {
  const locatorAt = endAt - LOCATOR_BYTES;
  if (locatorAt < 0 || view.getUint32(locatorAt, true) !== LOCATOR_SIGNATURE) return undefined;
  const at = Number(view.getBigUint64(locatorAt + 8, true));
  const isThere = at + END64_BYTES === locatorAt && view.getUint32(at, true) === END64_SIGNATURE;
  if (!isThere) throw refusal("its ZIP64 record is not where it should be");
  return at;
}

/** Both records tell a number; readers that know one of them only have to see the same archive. */
function agreed(narrow: number, elsewhere: number, wide: bigint): number {
  if (narrow !== elsewhere && BigInt(narrow) !== wide) {
    throw refusal(`its ZIP64 record says ${wide} where its end says ${narrow}`);
  }
  return Number(wide);
}

function checked(directory: ZipDirectory, end: number): ZipDirectory {
  if (directory.end === end) return directory;
  throw refusal(`its directory ends at byte ${directory.end}, needs to end at ${end}`);
}

function refusal(why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read the ZIP archive: ${why}`);
}
