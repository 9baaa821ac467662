import type { TensorSpec } from "../tensor/tensor.ts";
import type { Mismatch } from "./config_issue.ts";
import type { ModelConfig } from "./model_config.ts";
import { extensionOf, parseAddress } from "./sources/address.ts";
import { VERSION_FILE_NAMES, versionFileName } from "./version_file_names.ts";
import { checkWarmup } from "./warmup_checks.ts";

const FLOATS: readonly string[] = ["FP16", "BF16", "FP32", "FP64"];

/** The first thing that two keys of a configuration disagree on; undefined when they all fit. */
export function checkConfig(config: ModelConfig): Mismatch | undefined {
  return checkTensors(config) ?? checkBatching(config) ?? checkPriority(config) ??
    checkRounding(config) ?? checkVersions(config) ?? checkSource(config) ?? checkWarmup(config);
}

function checkTensors(config: ModelConfig): Mismatch | undefined {
  for (const list of ["inputs", "outputs"] as const) {
    if (config.platform === "script" && config[list] === undefined) {
      return { path: [list], needed: "an array: a script does not tell what it takes and gives" };
    }
    const at = repeatedAt((config[list] ?? []).map(({ name }) => name));
    if (at !== undefined) {
      return { path: [list, at, "name"], needed: `a name that is not in ${list} twice` };
    }
  }
  return undefined;
}

function checkBatching({ batching, inputs = [], outputs = [] }: ModelConfig): Mismatch | undefined {
  if (batching === undefined) return undefined;
  const above = batching.preferredBatchSizes.findIndex((size) => size > batching.maxBatchSize);
  if (above >= 0) {
    const path = ["batching", "preferredBatchSizes", above];
    return { path, needed: `at most maxBatchSize, which is ${batching.maxBatchSize}` };
  }
  return unbatched("inputs", inputs) ?? unbatched("outputs", outputs);
}

function unbatched(list: string, tensors: readonly TensorSpec[]): Mismatch | undefined {
  const at = tensors.findIndex(({ shape }) => shape[0] !== -1);
  if (at < 0) return undefined;
  return { path: [list, at, "shape", 0], needed: "-1: batching joins requests along it" };
}

function checkPriority({ queue }: ModelConfig): Mismatch | undefined {
  if (queue.defaultPriority <= queue.priorityLevels) return undefined;
  const needed = `at most priorityLevels, which is ${queue.priorityLevels}`;
  return { path: ["queue", "defaultPriority"], needed };
}

function checkRounding({ cacheRound, inputs }: ModelConfig): Mismatch | undefined {
  if (cacheRound === undefined || inputs === undefined) return undefined;
  if (inputs.some(({ datatype }) => FLOATS.includes(datatype))) return undefined;
  return { path: ["cacheRound"], needed: `an input of ${FLOATS.join(", ")}, or to be left out` };
}

function checkVersions({ versions }: ModelConfig): Mismatch | undefined {
  if (versions === "all" || "latest" in versions) return undefined;
  const at = repeatedAt(versions.named);
  if (at === undefined) return undefined;
  return { path: ["versions", "named", at], needed: "a version that is not named twice" };
}

function checkSource({ platform, source }: ModelConfig): Mismatch | undefined {
  if (source === undefined) return undefined;
  const address = parseAddress(source.url);
  if (address === undefined) return undefined;
  if (address.kind === "http" && source.sha256 === undefined) {
    return { path: ["source", "sha256"], needed: "64 hex digits where url is http(s)://" };
  }
  if (versionFileName(platform, extensionOf(address)) !== undefined) return undefined;
  const endings = VERSION_FILE_NAMES[platform].map((name) => name.slice(name.lastIndexOf(".")));
  return {
    path: ["source", "url"],
    needed: `an address that ends in ${endings.join(" or ")} for platform ${platform}`,
  };
}

/** Where the first name stands that stands before it already. */
function repeatedAt(names: readonly string[]): number | undefined {
  const seen = new Set<string>();
  const at = names.findIndex((name) => seen.size === seen.add(name).size);
  return at < 0 ? undefined : at;
}
