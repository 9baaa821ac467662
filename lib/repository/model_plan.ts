import { createHash } from "node:crypto";
import { OperationError } from "../errors.ts";
import { MODEL_VERSIONS_MAX } from "../limits.ts";
import type { ModelConfig } from "./model_config.ts";
import type { RepositoryProblem, ScannedModel, ScannedVersion } from "./repository_scan.ts";
import { VERSION_FILE_NAMES } from "./version_file_names.ts";
import { chooseVersions } from "./version_policy.ts";

/** A version that should serve. */
export interface VersionPlan {
  readonly version: string;
  /** Absolute. */
  readonly folder: string;
  /** Another one when its files, or what the configuration says of how it is served, have changed. */
  readonly fingerprint: string;
}

/** A model that should serve. */
export interface ModelPlan {
  readonly name: string;
  readonly config: ModelConfig;
  /** Ascending; at least one. */
  readonly versions: readonly VersionPlan[];
}

/** What should serve, and what cannot. */
export interface RepositoryPlan {
  /** By name. */
  readonly models: readonly ModelPlan[];
  readonly problems: readonly RepositoryProblem[];
  /** Of which a later plan may have more, whether they are among the models or not. */
  readonly pending: readonly PendingModel[];
}

/** A model of which something is still being written or fetched. */
export interface PendingModel {
  readonly name: string;
  /** Whether it was so at the first look already, and who starts should wait for it. */
  readonly isAwaited: boolean;
}

/** A model as it was considered: what should serve of it, which may be nothing, and what cannot. */
export interface ConsideredModel {
  readonly model: ModelPlan | undefined;
  readonly problems: readonly RepositoryProblem[];
  /** What of it is not there yet, though it may be soon. */
  readonly pending?: "written" | "fetched" | undefined;
}

/** What a plan of a model needs to know of the world. */
export interface Planning {
  /** Whether nobody is writing a version's files. */
  isQuiet(version: ScannedVersion): boolean;
  /**
   * The file of the model's source; undefined while it is still on its way.
   *
   * @throws {OperationError} when it cannot be had
   */
  fetch(): Promise<{ readonly folder: string; readonly sha256: string } | undefined>;
}

/** Of a model whose folders and source give no version a number. */
const VERSION_DEFAULT = "1";

/**
 * Which versions of a model should serve.
 *
 * Those whose folder holds no file of the platform come from the model's source. A version that cannot be
 * had now stays as it was `last`; if it was not there either, the policy takes from the others.
 */
export async function planModel(
  scanned: ScannedModel,
  config: ModelConfig,
  last: ModelPlan | undefined,
  planning: Planning,
): Promise<ConsideredModel> {
  const { name } = scanned;
  const problems: RepositoryProblem[] = [...scanned.problems];
  const here = new Map<string, VersionPlan>();
  const keep = (version: string) => {
    const plan = last?.versions.find((before) => before.version === version);
    if (plan !== undefined) here.set(version, plan);
  };
  for (const { version } of scanned.problems) if (version !== undefined) keep(version);
  const empty: string[] = [];
  for (const version of scanned.versions) {
    if (!planning.isQuiet(version)) keep(version.version);
    else if (!holdsModel(version, config)) empty.push(version.version);
    else {
      const { folder, files } = version;
      here.set(version.version, planOf(version.version, folder, config, files.stamp));
    }
  }
  const without = [...empty, ...unfoldered(scanned, config)];
  if (config.source === undefined) {
    problems.push(...without.map((version) => fileMissing(name, version, config)));
  } else {
    problems.push(...await addSourced(name, without, config, here, keep, planning));
  }
  const versions = chosen(config, [...here.keys()]);
  if (versions.length === 0 && problems.length === 0 && scanned.versions.length === 0) {
    problems.push({ name, reason: `it has no version, needs ${exampleOf(name, "1", config)}` });
  }
  if (versions.length > MODEL_VERSIONS_MAX) {
    const reason = `it has ${versions.length} versions, the highest ${MODEL_VERSIONS_MAX} serve`;
    problems.push({ name, reason });
    versions.splice(0, versions.length - MODEL_VERSIONS_MAX);
  }
  if (versions.length === 0) return { model: undefined, problems };
  return {
    model: { name, config, versions: versions.flatMap((v) => here.get(v) ?? []) },
    problems,
  };
}

/** Adds the version that the policy would take from the source; there may be only one. */
async function addSourced(
  name: string,
  without: readonly string[],
  config: ModelConfig,
  here: Map<string, VersionPlan>,
  keep: (version: string) => void,
  planning: Planning,
): Promise<RepositoryProblem[]> {
  const wanted = chosen(config, [...here.keys(), ...without])
    .filter((version) => without.includes(version));
  if (wanted.length > 1) {
    const reason = `it has no file, and neither have others of ${wanted.join(", ")}: ` +
      `a source is the file of one`;
    return wanted.map((version) => ({ name, version, reason }));
  }
  const [version] = wanted;
  if (version === undefined) return [];
  try {
    const file = await planning.fetch();
    if (file === undefined) {
      keep(version);
      return [{ name, version, reason: "its file is still being fetched" }];
    }
    here.set(version, planOf(version, file.folder, config, file.sha256));
    return [];
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    keep(version);
    return [{ name, version, reason: error.message }];
  }
}

/** Versions that should be there and have no folder. */
function unfoldered({ versions, problems }: ScannedModel, config: ModelConfig): string[] {
  const there = [...versions, ...problems].map(({ version }) => version);
  if (typeof config.versions === "object" && "named" in config.versions) {
    return config.versions.named.filter((version) => !there.includes(version));
  }
  return config.source !== undefined && there.length === 0 ? [VERSION_DEFAULT] : [];
}

/** Ascending. */
function chosen({ versions }: ModelConfig, there: readonly string[]): string[] {
  return chooseVersions(versions, there);
}

function holdsModel({ files }: ScannedVersion, { platform }: ModelConfig): boolean {
  return VERSION_FILE_NAMES[platform].some((name) => files.paths.includes(name));
}

function fileMissing(name: string, version: string, config: ModelConfig): RepositoryProblem {
  return { name, version, reason: `it has no file, needs ${exampleOf(name, version, config)}` };
}

function exampleOf(name: string, version: string, { platform }: ModelConfig): string {
  return VERSION_FILE_NAMES[platform].map((file) => `${name}/${version}/${file}`).join(" or ");
}

/** Which versions serve, and where from, changes nothing of one that does. */
function planOf(
  version: string,
  folder: string,
  config: ModelConfig,
  content: string,
): VersionPlan {
  const { versions: _versions, source: _source, ...served } = config;
  const text = `${JSON.stringify(served)}\n${content}`;
  return { version, folder, fingerprint: createHash("sha256").update(text).digest("hex") };
}
