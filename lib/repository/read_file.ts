/** Bytes that are read at once of a file that says it has none, as those of /proc do. */
const READ_BYTES = 16_384;

/**
 * The first `bytesMax` bytes of a file, all of it if it has fewer.
 *
 * @throws what `Deno.open` and reading throw, an Error for what is no file; `readFailure` says what it means
 */
export async function readUpTo(path: string, bytesMax: number): Promise<Uint8Array> {
  await requireReadable(path);
  using file = await Deno.open(path);
  let bytes = new Uint8Array(Math.min(bytesMax, READ_BYTES));
  let length = 0;
  while (length < bytesMax) {
    if (length === bytes.length) bytes = grown(bytes, bytesMax);
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

/**
 * Refuses what is there and neither a file nor a folder: opening a pipe waits for somebody to write.
 *
 * @throws {Error} saying so; what `Deno.stat` throws
 */
export async function requireReadable(path: string): Promise<void> {
  const { isFile, isDirectory } = await Deno.stat(path);
  if (!isFile && !isDirectory) throw new Error("it is a pipe or a device, needs a file");
}

/** Whether a file is there, and may be looked at. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** Why a file or folder could not be read, for an error message. */
export function readFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "no permission to read it (--allow-read)";
  if (error instanceof Deno.errors.NotADirectory) return "it is not a folder";
  if (error instanceof Deno.errors.IsADirectory || /directory/i.test(String(error))) {
    return "it is a folder, needs a file";
  }
  return error instanceof Error ? error.message : String(error);
}

function grown(bytes: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(bytesMax, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
