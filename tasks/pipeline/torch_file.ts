import { crc32 } from "node:zlib";
import { uint16, uint32 } from "./little_endian.ts";
import { type NamedFloats, pickleStateDict } from "./state_dict_pickle.ts";

/** A record of the archive. */
interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
}

/** Source: APPNOTE.TXT 6.3.10, §4.3.7, §4.3.12 and §4.3.16. */
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;

/** What a reader has to know, in tenths, for stored files. */
const VERSION_NEEDED = 10;

/** Names are UTF-8. */
const FLAGS = 0x0800;

/** 1 January 1980, the first day that the format knows: a file's time is none of its content. */
const DOS_DATE = 0x0021;

/** PyTorch's own: data begin at multiples of it, so that a file that is mapped needs no copy. */
const ALIGNMENT = 64;

/** The extra field that pads: its name is PyTorch's, and others pass over it. */
const PADDING_EXTRA = 0x4246;
const EXTRA_HEAD_BYTES = 4;

const encoder = new TextEncoder();

/**
 * The file that `torch.save(state_dict)` writes of these tensors: a ZIP archive of stored records.
 *
 * Source: pytorch, caffe2/serialize/inline_container.h and torch/serialization.py.
 */
export function torchFile(tensors: readonly NamedFloats[]): Uint8Array<ArrayBuffer> {
  return storedZip([
    { name: "archive/data.pkl", data: pickleStateDict(tensors) },
    { name: "archive/byteorder", data: encoder.encode("little") },
    ...tensors.map(({ data }, index) => ({
      name: `archive/data/${index}`,
      data: littleEndian(data),
    })),
    { name: "archive/version", data: encoder.encode("3\n") },
  ]);
}

function storedZip(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const directory: number[] = [];
  for (const entry of entries) {
    directory.push(...centralHeader(entry, bytes.length));
    bytes.push(...localHeader(entry, bytes.length), ...entry.data);
  }
  return Uint8Array.from([
    ...bytes,
    ...directory,
    ...uint32(END_SIGNATURE),
    // This part, the directory's part, and the entries of each.
    ...[0, 0, entries.length, entries.length].flatMap(uint16),
    ...[directory.length, bytes.length].flatMap(uint32),
    ...uint16(0),
  ]);
}

function localHeader(entry: Entry, at: number): number[] {
  const name = encoder.encode(entry.name);
  const unpadded = at + LOCAL_BYTES + name.length + EXTRA_HEAD_BYTES;
  const padding = (ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
  return [
    ...uint32(LOCAL_SIGNATURE),
    ...commonHeader(entry, name.length),
    ...uint16(EXTRA_HEAD_BYTES + padding),
    ...name,
    ...[PADDING_EXTRA, padding].flatMap(uint16),
    ...new Uint8Array(padding),
  ];
}

function centralHeader(entry: Entry, at: number): number[] {
  const name = encoder.encode(entry.name);
  return [
    ...uint32(CENTRAL_SIGNATURE),
    ...uint16(VERSION_NEEDED),
    ...commonHeader(entry, name.length),
    // There are no extra fields, no comment, one disk and no attributes.
    ...new Uint8Array(2 + 2 + 2 + 2 + 4),
    ...uint32(at),
    ...name,
  ];
}

/** From the version needed to the name's length, which both headers have. */
function commonHeader({ data }: Entry, nameBytes: number): number[] {
  const [method, time] = [0, 0];
  return [
    ...[VERSION_NEEDED, FLAGS, method, time, DOS_DATE].flatMap(uint16),
    ...[crc32(data), data.length, data.length].flatMap(uint32),
    ...uint16(nameBytes),
  ];
}

function littleEndian(floats: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(floats.byteLength));
  floats.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return new Uint8Array(view.buffer);
}
