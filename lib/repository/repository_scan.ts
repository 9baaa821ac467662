import { OperationError } from "../errors.ts";
import { REPOSITORY_MODELS_MAX } from "../limits.ts";
import { readModelConfig } from "./config_file.ts";
import type { ModelConfig } from "./model_config.ts";
import { compareVersions, isModelName, isVersion, NAME_NEEDED, shown } from "./model_name.ts";
import { isFile, readFailure } from "./read_file.ts";
import {
  changedAt,
  FolderProblem,
  lookAtFiles,
  pathInside,
  type VersionFiles,
} from "./version_files.ts";

/** Something in the repository that cannot be served, and why. */
export interface RepositoryProblem {
  /** The model's folder; the repository itself where that cannot be listed. */
  readonly name: string;
  /** Undefined when it is of the model as a whole. */
  readonly version?: string | undefined;
  readonly reason: string;
}

/** A version's folder that is there; it may hold no file. */
export interface ScannedVersion {
  readonly version: string;
  /** Absolute, behind all symbolic links. */
  readonly folder: string;
  readonly files: VersionFiles;
}

/** A model's folder, as it was at one time. */
export interface ScannedModel {
  readonly name: string;
  /** Absolute, behind all symbolic links. */
  readonly folder: string;
  /** Of its model.json; changes whenever that does. */
  readonly stamp: string;
  /** The latest time at which the folder or its model.json were changed; `Date.now()`'s clock. */
  readonly changedMs: number;
  /** The configuration, or why there is none. */
  readonly config: ModelConfig | OperationError;
  /** Ascending; empty without a configuration. */
  readonly versions: readonly ScannedVersion[];
  /** What is wrong with other versions of it. */
  readonly problems: readonly RepositoryProblem[];
}

/**
 * The repository's folder, absolute and behind all symbolic links; needs permission to read it.
 *
 * @throws {OperationError} `failed-precondition` when it is no folder that can be read
 */
export async function openRepository(folder: string): Promise<string> {
  let reason: string;
  try {
    const root = await Deno.realPath(folder);
    if ((await Deno.stat(root)).isDirectory) return root;
    reason = "it is a file, needs a folder";
  } catch (error) {
    reason = error instanceof Deno.errors.NotFound ? "there is no such folder" : readFailure(error);
  }
  throw new OperationError("failed-precondition", `Cannot read repository ${folder}: ${reason}`);
}

/**
 * The names of the folders in a repository that may be models, sorted; `unfit` are those that may not.
 *
 * Files are passed over, and so are folders whose names begin with a dot and that hold no model.json:
 * version control's, and those that Kubernetes mounts files through.
 *
 * @throws {OperationError} `failed-precondition` when it cannot be listed; `resource-exhausted` when it
 *   has more than REPOSITORY_MODELS_MAX folders
 */
export async function listModels(
  root: string,
): Promise<{ names: string[]; unfit: RepositoryProblem[] }> {
  const names: string[] = [];
  const unfit: RepositoryProblem[] = [];
  for (const { name } of await foldersIn(root)) {
    if (isModelName(name)) names.push(name);
    else if (!name.startsWith(".") || await isFile(`${root}/${name}/model.json`)) {
      unfit.push({ name, reason: `${shown(name)} is no name of a model, which is ${NAME_NEEDED}` });
    }
  }
  if (names.length > REPOSITORY_MODELS_MAX) {
    const found = `${names.length} models, at most ${REPOSITORY_MODELS_MAX} allowed`;
    throw new OperationError("resource-exhausted", `Cannot read repository ${root}: ${found}`);
  }
  return { names: names.sort(), unfit };
}

/**
 * Reads a model's folder.
 *
 * @param root of the repository, as `openRepository` gives it
 * @param name as `listModels` gives it, or checked by `checkModelName`
 * @param shownRoot the repository as the operator calls it, for what is wrong
 * @throws {FolderProblem} when it is no folder of this repository, or cannot be listed
 */
export async function scanModel(
  root: string,
  name: string,
  shownRoot: string,
): Promise<ScannedModel> {
  const folder = await pathInside(`${root}/${name}`, name, root);
  const { stamp, changedMs } = await lookAtConfig(folder);
  const config = await configOf(root, folder, `${shownRoot}/${name}/model.json`);
  const problems: RepositoryProblem[] = [];
  const versions: ScannedVersion[] = [];
  for (const version of config instanceof OperationError ? [] : await versionsIn(folder)) {
    const scanned = await scanVersion(root, `${folder}/${version}`, version);
    if ("folder" in scanned) versions.push(scanned);
    else problems.push({ name, version, reason: scanned.reason });
  }
  return { name, folder, stamp, changedMs, config, versions, problems };
}

async function lookAtConfig(folder: string): Promise<{ stamp: string; changedMs: number }> {
  const folderMs = changedAt(await Deno.stat(folder));
  try {
    const info = await Deno.stat(`${folder}/model.json`);
    const stamp = `${info.size}\t${info.mtime?.getTime()}`;
    return { stamp, changedMs: Math.max(folderMs, changedAt(info)) };
  } catch {
    return { stamp: "", changedMs: folderMs };
  }
}

async function configOf(
  root: string,
  folder: string,
  shownPath: string,
): Promise<ModelConfig | OperationError> {
  const path = `${folder}/model.json`;
  try {
    // A link out of the repository may lead to what nobody but us may read, and a message would quote it.
    if ((await Deno.lstat(path)).isSymlink) await pathInside(path, "model.json", root);
    return await readModelConfig(path, shownPath);
  } catch (error) {
    if (error instanceof OperationError) return error;
    const code = error instanceof Deno.errors.NotFound ? "not-found" : "invalid-argument";
    const reason = `Cannot read ${shownPath}: ${readFailure(error)}`;
    return new OperationError(code, reason, { cause: error });
  }
}

async function scanVersion(
  root: string,
  path: string,
  version: string,
): Promise<ScannedVersion | { reason: string }> {
  try {
    const folder = await pathInside(path, version, root);
    return { version, folder, files: await lookAtFiles(folder, root) };
  } catch (error) {
    if (!(error instanceof FolderProblem)) throw error;
    return { reason: error.message };
  }
}

/** Ascending; other folders are the model's own business. */
async function versionsIn(folder: string): Promise<string[]> {
  const versions = (await foldersIn(folder)).map(({ name }) => name).filter(isVersion);
  return versions.sort(compareVersions);
}

/** Folders, and links, which may be folders. */
async function foldersIn(folder: string): Promise<Deno.DirEntry[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isDirectory, isSymlink }) => isDirectory || isSymlink);
  } catch (cause) {
    const reason = `Cannot read folder ${folder}: ${readFailure(cause)}`;
    throw new OperationError("failed-precondition", reason, { cause });
  }
}
