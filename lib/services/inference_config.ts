import type { ServedModelMetadata } from "../inference/backend.ts";
import type { Datatype } from "../tensor/datatype.ts";
import type { TensorSpec } from "../tensor/tensor.ts";

/** What of a served model's configuration Triton's message has a place for. */
interface ServedConfig {
  readonly versions?:
    | "all"
    | { readonly latest: number }
    | { readonly named: readonly string[] };
  readonly batching?: {
    readonly maxBatchSize?: number;
    readonly maxDelayMs?: number;
    readonly preferredBatchSizes?: readonly number[];
  };
  readonly queue?: {
    readonly size?: number;
    readonly priorityLevels?: number;
    readonly defaultPriority?: number;
  };
  readonly cache?: unknown;
  readonly instances?: number;
  readonly options?: Readonly<Record<string, unknown>>;
}

interface TensorConfig {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly number[];
}

/** A ModelConfig message; fields that are left out are at their defaults. */
export interface ModelConfigMessage {
  readonly name: string;
  readonly platform: string;
  readonly version_policy: Readonly<Record<string, unknown>>;
  readonly max_batch_size: number;
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
  readonly instance_group: readonly Readonly<Record<string, unknown>>[];
  readonly dynamic_batching?: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, { readonly string_value: string }>>;
  readonly response_cache: { readonly enable: boolean };
}

const MICROSECONDS_PER_MS = 1_000;

/**
 * A model's configuration as Triton's clients read it.
 *
 * @param config `model.json`'s shape, as `InferenceBackend.config` gives it
 */
export function configMessage(
  { name, platform, inputs, outputs }: ServedModelMetadata,
  config: Readonly<Record<string, unknown>>,
): ModelConfigMessage {
  // The repository has checked it before it served the model.
  const { versions, batching, queue, cache, instances = 1, options = {} } = config as ServedConfig;
  const batched = batching !== undefined;
  return {
    name,
    platform,
    version_policy: versionPolicy(versions),
    max_batch_size: batching?.maxBatchSize ?? 0,
    input: inputs.map((spec) => tensorConfig(spec, batched)),
    output: outputs.map((spec) => tensorConfig(spec, batched)),
    instance_group: [{ name: `${name}_0`, kind: "KIND_CPU", count: instances }],
    ...(batched ? { dynamic_batching: dynamicBatching(batching, queue) } : {}),
    parameters: Object.fromEntries(
      Object.entries(options).map(([key, value]) => [key, { string_value: textOf(value) }]),
    ),
    response_cache: { enable: cache !== undefined && cache !== null },
  };
}

/** Triton's shapes are without the batch dimension of models that have one. */
function tensorConfig({ name, datatype, shape }: TensorSpec, batched: boolean): TensorConfig {
  const dims = batched && shape[0] === -1 ? shape.slice(1) : shape;
  return { name, data_type: dataType(datatype), dims };
}

function dataType(datatype: Datatype): string {
  return datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`;
}

function versionPolicy(versions: ServedConfig["versions"]): Readonly<Record<string, unknown>> {
  if (versions === "all") return { all: {} };
  if (versions !== undefined && "named" in versions) {
    return { specific: { versions: versions.named } };
  }
  return { latest: { num_versions: versions?.latest ?? 1 } };
}

function dynamicBatching(
  { preferredBatchSizes = [], maxDelayMs = 0 }: NonNullable<ServedConfig["batching"]>,
  { size = 0, priorityLevels = 0, defaultPriority = 0 }: NonNullable<ServedConfig["queue"]> = {},
): Readonly<Record<string, unknown>> {
  return {
    preferred_batch_size: preferredBatchSizes,
    max_queue_delay_microseconds: Math.round(maxDelayMs * MICROSECONDS_PER_MS),
    priority_levels: priorityLevels,
    default_priority_level: defaultPriority,
    default_queue_policy: { max_queue_size: size, allow_timeout_override: true },
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}
