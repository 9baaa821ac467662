import { MODEL_FILES_MAX, MODEL_FOLDER_DEPTH_MAX } from "../limits.ts";
import { readFailure } from "./read_file.ts";

/** What a version's folder holds, at one time. */
export interface VersionFiles {
  /** Changes whenever a file does: names, sizes and times of change. Not a hash: a few hundred bytes. */
  readonly stamp: string;
  /** Relative paths, sorted. */
  readonly paths: readonly string[];
  /** The latest time at which they or their folder were changed; `Date.now()`'s clock. */
  readonly changedMs: number;
}

/** Why a folder cannot be served, in a few words that follow its name. */
export class FolderProblem extends Error {
  override readonly name = "FolderProblem";
}

/** A file or folder as it was met, and how many may still be. */
interface Met {
  readonly path: string;
  readonly info: Deno.FileInfo;
}
interface Budget {
  left: number;
}

/**
 * Looks at all files under a folder, which nobody has to stop writing to.
 *
 * Symbolic links are followed as long as what they lead to lies in the repository, so that a release can be
 * switched by one; a link out of it is refused, as is one that leads to a folder it stands in. Files
 * whose names begin with a dot do not count: they are what editors and copies leave while they work.
 *
 * @param root the repository, with no symbolic link in its path
 * @throws {FolderProblem} when something in it leads out, cannot be read, or is too much
 */
export async function lookAtFiles(folder: string, root: string): Promise<VersionFiles> {
  const found: Met[] = [];
  let changedMs = changedAt(await Deno.stat(folder));
  for await (const met of filesUnder(folder, "", root, 0, { left: MODEL_FILES_MAX })) {
    changedMs = Math.max(changedMs, changedAt(met.info));
    found.push(met);
  }
  found.sort((a, b) => a.path < b.path ? -1 : 1);
  const stamps = found.map(({ path, info }) => `${path}\t${info.size}\t${info.mtime?.getTime()}`);
  return { stamp: stamps.join("\n"), paths: found.map(({ path }) => path), changedMs };
}

/** When a file was last written or moved here; 0 where the system does not know. Units: ms since 1970. */
export function changedAt({ mtime, ctime }: Deno.FileInfo): number {
  return Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
}

/**
 * The real path of what is in a repository, behind all symbolic links.
 *
 * @throws {FolderProblem} when it lies outside, or is not there
 */
export async function pathInside(path: string, name: string, root: string): Promise<string> {
  let real: string;
  try {
    real = await Deno.realPath(path);
  } catch (error) {
    throw new FolderProblem(`${name} leads nowhere: ${readFailure(error)}`);
  }
  if (real === root || real.startsWith(root.endsWith("/") ? root : `${root}/`)) return real;
  throw new FolderProblem(`${name} is a link that leads out of the repository`);
}

async function* filesUnder(
  folder: string,
  prefix: string,
  root: string,
  depth: number,
  budget: Budget,
): AsyncGenerator<Met> {
  if (depth > MODEL_FOLDER_DEPTH_MAX) {
    throw new FolderProblem(`has folders more than ${MODEL_FOLDER_DEPTH_MAX} deep`);
  }
  for (const entry of await entriesOf(folder, prefix)) {
    if (entry.name.startsWith(".")) continue;
    // Folders count too: links to folders above would else be walked for hours before the depth ends it.
    if (--budget.left < 0) throw new FolderProblem(`has more than ${MODEL_FILES_MAX} files`);
    const name = `${prefix}${entry.name}`;
    const path = `${folder}/${entry.name}`;
    if (entry.isSymlink) await pathInside(path, name, root);
    const info = await statOf(path, name);
    if (info === undefined) continue;
    if (info.isDirectory) yield* filesUnder(path, `${name}/`, root, depth + 1, budget);
    else if (info.isFile) yield { path: name, info };
    else throw new FolderProblem(`${name} is neither a file nor a folder`);
  }
}

async function entriesOf(folder: string, prefix: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    throw new FolderProblem(`${prefix || "it"} cannot be listed: ${readFailure(error)}`);
  }
}

/** Undefined for a file that was removed meanwhile. */
async function statOf(path: string, name: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new FolderProblem(`${name} cannot be read: ${readFailure(error)}`);
  }
}
