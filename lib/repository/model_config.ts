import type { TensorSpec } from "../tensor/tensor.ts";
import { publicAddress } from "./sources/address.ts";

/** What loads a model. */
export type PlatformName = "onnx" | "mlp" | "script" | "linear";

/** Which versions serve: all, the `latest` highest, or those that are named. */
export type VersionPolicy = "all" | { readonly latest: number } | {
  readonly named: readonly string[];
};

/** How requests are joined into batches, along the first dimension of all tensors. */
export interface BatchingConfig {
  /** Rows of a batch. */
  readonly maxBatchSize: number;
  /** How long a request waits for others; 0 joins only what waits anyway. */
  readonly maxDelayMs: number;
  /** Sizes that end the wait early; none is over `maxBatchSize`. */
  readonly preferredBatchSizes: readonly number[];
}

/** What may wait for the model. */
export interface QueueConfig {
  /** Requests, those that run included. */
  readonly size: number;
  /** Memory for their inputs and outputs. */
  readonly bytes: number;
  readonly priorityLevels: number;
  /** Of requests that name none; 1 is the highest. */
  readonly defaultPriority: number;
}

/** The cache of results. */
export interface ModelCacheConfig {
  readonly entries: number;
  readonly bytes: number;
  readonly policy: "lru" | "s3-fifo" | "sieve";
}

/** An input for warming up; `data` is flat and as long as the shape says. */
export interface WarmupInput extends TensorSpec {
  /** Numbers; booleans for BOOL; strings for BYTES; INT64 and UINT64 also as strings of digits. */
  readonly data: readonly (number | boolean | string)[];
}

/** Inputs that are run `count` times before the model serves. */
export interface WarmupSample {
  readonly inputs: readonly WarmupInput[];
  readonly count: number;
}

/** Where the file of a version comes from whose folder holds none. */
export interface SourceConfig {
  /** `file://`, `http(s)://`, `s3://`, or a path, which is relative to the model's folder. */
  readonly url: string;
  /** Of the file, 64 lower-case hex digits; always there for `http(s)://`. */
  readonly sha256?: string | undefined;
}

/** A checked model.json with its defaults filled in. */
export interface ModelConfig {
  readonly platform: PlatformName;
  /** Undefined where the platform has to tell. */
  readonly inputs?: readonly TensorSpec[] | undefined;
  readonly outputs?: readonly TensorSpec[] | undefined;
  readonly versions: VersionPolicy;
  /** Undefined: each request runs alone. */
  readonly batching?: BatchingConfig | undefined;
  readonly queue: QueueConfig;
  /** Undefined: no cache. */
  readonly cache?: ModelCacheConfig | undefined;
  /** Decimal places to which float inputs are rounded before they are looked up and computed with. */
  readonly cacheRound?: number | undefined;
  readonly instances: number;
  /** How long one batch may compute before its instance counts as hung. */
  readonly timeoutMs: number;
  readonly warmup: readonly WarmupSample[];
  readonly source?: SourceConfig | undefined;
  /** The platform's own, which it checks itself. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * The configuration as model.json would have it with every default written down, for whoever asks a server.
 *
 * The address of its source is without user, password and query: those of signed addresses are secrets.
 */
export function describeConfig(config: ModelConfig): Record<string, unknown> {
  const { source, ...rest } = config;
  const described: Record<string, unknown> = { ...rest };
  if (source !== undefined) described.source = { ...source, url: publicAddress(source.url) };
  return described;
}
