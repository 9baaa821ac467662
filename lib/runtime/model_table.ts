import { OperationError, quoted } from "../errors.ts";
import type {
  IndexEntry,
  InferenceBackend,
  ModelStatistics,
  ServedModelMetadata,
} from "../inference/backend.ts";
import type { InferCall, InferRequest, InferResponse } from "../inference/infer.ts";
import type { ModelMetadata } from "../inference/model.ts";
import type { ModelTableDescriptor } from "./generation.ts";
import type { ModelCommands } from "./model_commands.ts";
import type { ModelStatisticsRow } from "./model_statistics.ts";
import type { ServedModel } from "./served_model.ts";

/** A generation, opened on one serving thread. */
export interface OpenGeneration {
  /** What tells it from others; never used again. */
  readonly id: number;
  readonly model: string;
  readonly version: string;
  readonly platform: string;
  readonly metadata: ModelMetadata;
  readonly config: Readonly<Record<string, unknown>>;
  readonly served: ServedModel;
  /** This thread's row. */
  readonly counted: ModelStatisticsRow;
  /** Of all threads, as of now. */
  readonly statistics: () => ModelStatistics;
}

/** How a thread opens the generations that it is told of. */
export type OpenGenerationOf = (
  descriptor: ModelTableDescriptor["generations"][number],
) => OpenGeneration;

/** The models of one serving thread: the backend of both protocols. */
export class ModelTable implements InferenceBackend {
  readonly #open: OpenGenerationOf;
  readonly #commands: ModelCommands;
  readonly #builtIn: readonly OpenGeneration[];
  readonly #onOpenFailed: (model: string, error: unknown) => void;
  /** By name, then by version, in ascending order of versions. */
  #models: ReadonlyMap<string, readonly OpenGeneration[]>;
  #generations: readonly OpenGeneration[] = [];
  #ready = false;

  /**
   * @param builtIn generations that are served whatever the table says
   * @param onOpenFailed hears of a generation that cannot be opened here; the others are served without it
   */
  constructor(
    open: OpenGenerationOf,
    commands: ModelCommands,
    builtIn: readonly OpenGeneration[],
    onOpenFailed: (model: string, error: unknown) => void,
  ) {
    this.#onOpenFailed = onOpenFailed;
    this.#open = open;
    this.#commands = commands;
    this.#builtIn = builtIn;
    this.#models = byName(builtIn);
  }

  /** Serves what the table says from now on; what is not in it any more ends as it would. */
  apply({ generations, ready }: ModelTableDescriptor): void {
    const before = new Map(this.#generations.map((generation) => [generation.id, generation]));
    this.#generations = generations.flatMap((descriptor) => {
      try {
        return before.get(descriptor.id) ?? this.#open(descriptor);
      } catch (error) {
        this.#onOpenFailed(descriptor.model, error);
        return [];
      }
    });
    this.#models = byName([...this.#builtIn, ...this.#generations]);
    this.#ready = ready;
    for (const { id } of this.#generations) before.delete(id);
    for (const { served } of before.values()) served.close();
  }

  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse> {
    const { served, counted } = this.#find(request.model, request.version);
    const startMs = performance.now();
    let answer: InferResponse | Promise<InferResponse>;
    try {
      answer = served.infer(request, call);
    } catch (error) {
      counted.countFailure(performance.now() - startMs);
      throw error;
    }
    if (answer instanceof Promise) return countLater(answer, counted, startMs);
    counted.countAnswer(answer, performance.now() - startMs);
    return answer;
  }

  isReady(): boolean {
    return this.#ready;
  }

  isModelReady(model: string, version: string | undefined): boolean {
    const versions = this.#models.get(model);
    return versions !== undefined &&
      (version === undefined || versions.some((generation) => generation.version === version));
  }

  metadata(model: string, version: string | undefined): ServedModelMetadata {
    const { platform, metadata } = this.#find(model, version);
    const versions = this.#models.get(model) ?? [];
    return {
      name: model,
      platform,
      versions: versions.map((generation) => generation.version),
      inputs: metadata.inputs,
      outputs: metadata.outputs,
    };
  }

  config(model: string, version: string | undefined): Readonly<Record<string, unknown>> {
    return this.#find(model, version).config;
  }

  statistics(model: string | undefined, version: string | undefined): readonly ModelStatistics[] {
    if (model === undefined) {
      return [...this.#models.values()].flat().map((generation) => generation.statistics());
    }
    if (version !== undefined) return [this.#find(model, version).statistics()];
    this.#find(model, undefined);
    return (this.#models.get(model) ?? []).map((generation) => generation.statistics());
  }

  index(signal?: AbortSignal): Promise<readonly IndexEntry[]> {
    return this.#commands.run({ kind: "index" }, signal);
  }

  async load(model: string, signal?: AbortSignal): Promise<void> {
    this.#refuseBuiltIn("load", model);
    await this.#commands.run({ kind: "load", model }, signal);
  }

  async unload(model: string, signal?: AbortSignal): Promise<void> {
    this.#refuseBuiltIn("unload", model);
    await this.#commands.run({ kind: "unload", model }, signal);
  }

  #refuseBuiltIn(verb: string, model: string): void {
    if (!this.#builtIn.some((generation) => generation.model === model)) return;
    throw new OperationError(
      "failed-precondition",
      `Cannot ${verb} model "${model}": it is built in`,
    );
  }

  /** @throws {OperationError} `not-found` */
  #find(model: string, version: string | undefined): OpenGeneration {
    const versions = this.#models.get(model);
    if (versions === undefined) {
      throw new OperationError("not-found", `There is no model ${quoted(model)}`);
    }
    if (version === undefined) return versions[versions.length - 1];
    const found = versions.find((generation) => generation.version === version);
    if (found !== undefined) return found;
    const served = versions.map((generation) => generation.version).join(", ");
    throw new OperationError(
      "not-found",
      `Model "${model}" has no version ${quoted(version)}, it serves ${served}`,
    );
  }
}

async function countLater(
  answer: Promise<InferResponse>,
  counted: ModelStatisticsRow,
  startMs: number,
): Promise<InferResponse> {
  try {
    const response = await answer;
    counted.countAnswer(response, performance.now() - startMs);
    return response;
  } catch (error) {
    counted.countFailure(performance.now() - startMs);
    throw error;
  }
}

function byName(generations: readonly OpenGeneration[]): Map<string, OpenGeneration[]> {
  const models = new Map<string, OpenGeneration[]>();
  for (const generation of generations) {
    const versions = models.get(generation.model) ?? [];
    versions.push(generation);
    models.set(generation.model, versions);
  }
  for (const versions of models.values()) {
    versions.sort((a, b) => Number(a.version) - Number(b.version));
  }
  return models;
}
