import { OperationError } from "../../errors.ts";
import { readFailure, requireReadable } from "../read_file.ts";
import type { FileSource, SourceFile } from "./source.ts";

/** The file at an absolute path, which needs permission to be read. */
export function fileSource(path: string): FileSource {
  return {
    async open(known) {
      let file: Deno.FsFile | undefined;
      try {
        await requireReadable(path);
        file = await Deno.open(path);
        const info = await file.stat();
        if (!info.isFile) throw new Deno.errors.IsADirectory();
        const validator = `${info.size} ${info.mtime?.getTime()} ${info.ctime?.getTime()}`;
        if (validator === known) {
          file.close();
          return "unchanged";
        }
        return { validator, bytes: info.size, body: file.readable } satisfies SourceFile;
      } catch (cause) {
        file?.close();
        const code = cause instanceof Deno.errors.NotFound ? "not-found" : "failed-precondition";
        const reason = `Cannot fetch ${path}: ${readFailure(cause)}`;
        throw new OperationError(code, reason, { cause });
      }
    },
  };
}
