import { crc32 } from "node:zlib";

/** A file to be written, and what is to be wrong with it. */
export interface WrittenFile {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly localName?: string;
  /** Numbers in the ZIP64 extra field, all ones where they usually stand. */
  readonly zip64?: boolean;
  /** Uses the local header and data of another file instead of its own. */
  readonly sharesWith?: number;
  /** Of the data, as the directory has it. */
  readonly bytes?: number;
}

/** How an archive is written. */
export interface WriteOptions {
  readonly comment?: Uint8Array;
  /** With the ZIP64 records of the end, all ones in the other. */
  readonly zip64?: boolean;
  /** In front of every file, so that data begin at a multiple of it. */
  readonly align?: number;
}

/** Writes ZIP archives of stored files, right and wrong ones. Source: APPNOTE.TXT 6.3.10. */
export function writeStoredZip(
  files: readonly WrittenFile[],
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const out = new Output();
  const locals: { readonly at: number; readonly bytes: number }[] = [];
  for (const file of files) {
    if (file.sharesWith !== undefined) locals.push(locals[file.sharesWith]);
    else locals.push(writeLocal(out, file, options.align ?? 1));
  }
  const directory = out.length;
  files.forEach((file, index) => writeCentral(out, file, locals[index]));
  const end = out.length;
  if (options.zip64 === true) {
    out.uint32(0x06064b50).uint64(44).uint16(45).uint16(45).uint32(0).uint32(0);
    out.uint64(files.length).uint64(files.length).uint64(end - directory).uint64(directory);
    out.uint32(0x07064b50).uint32(0).uint64(end).uint32(1);
  }
  const wide = options.zip64 === true;
  const count = wide ? 0xffff : files.length;
  out.uint32(0x06054b50).uint16(0).uint16(0).uint16(count).uint16(count);
  out.uint32(wide ? 0xffff_ffff : end - directory).uint32(wide ? 0xffff_ffff : directory);
  const comment = options.comment ?? new Uint8Array(0);
  return out.uint16(comment.length).bytes(comment).take();
}

function writeLocal(out: Output, file: WrittenFile, align: number) {
  const at = out.length;
  const name = encoder.encode(file.localName ?? file.name);
  const padding = (align - (at + 30 + name.length) % align) % align;
  out.uint32(0x04034b50).uint16(0).uint16(0x808).uint16(0).uint32(0).uint32(0).uint32(0).uint32(0);
  out.uint16(name.length).uint16(padding).bytes(name).bytes(new Uint8Array(padding));
  out.bytes(file.data);
  return { at, bytes: file.data.length };
}

function writeCentral(
  out: Output,
  file: WrittenFile,
  local: { readonly at: number; readonly bytes: number },
): void {
  const { method = 0, flags = 0x808, zip64 = false } = file;
  const name = encoder.encode(file.name);
  const bytes = file.bytes ?? local.bytes;
  out.uint32(0x02014b50).uint16(0).uint16(0).uint16(flags).uint16(method).uint32(0);
  out.uint32(file.crc ?? crc32(file.data));
  out.uint32(zip64 ? 0xffff_ffff : bytes).uint32(zip64 ? 0xffff_ffff : bytes);
  out.uint16(name.length).uint16(zip64 ? 32 : 0).uint16(0).uint16(0).uint16(0).uint32(0);
  out.uint32(zip64 ? 0xffff_ffff : local.at).bytes(name);
  // Another field stands in front of it.
  if (zip64) {
    out.uint16(7).uint16(0).uint16(1).uint16(24).uint64(bytes).uint64(bytes).uint64(local.at);
  }
}

const encoder = new TextEncoder();

/** Bytes that grow, little-endian. */
class Output {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  bytes(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  uint16(value: number): this {
    return this.#number(value, 2);
  }

  uint32(value: number): this {
    return this.#number(value, 4);
  }

  uint64(value: number): this {
    return this.#number(value, 8);
  }

  take(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }

  #number(value: number, width: number): this {
    for (let i = 0; i < width; i++) this.#bytes.push(Math.floor(value / 2 ** (8 * i)) % 256);
    return this;
  }
}
