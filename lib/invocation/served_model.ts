import { OperationError } from "../errors.ts";
import type { InferenceBackend, ServedModelMetadata } from "../inference/backend.ts";
import type { InferCall, InferResponse } from "../inference/infer.ts";
import type { Tensor, TensorSpec } from "../tensor/tensor.ts";
import type { InvocationModel } from "./invocation_model.ts";
import { decodeMetadata, encodeMetadata } from "./metadata_text.ts";
import type { RunInput, RunOutput } from "./run.ts";

/** Where models are, as far as they are invoked. */
export type InvokedModels = Pick<InferenceBackend, "infer" | "metadata" | "isModelReady">;

const CONTENT = "content";
const METADATA = "metadata";

const encoder = new TextEncoder();

/**
 * A model of the repository as Invocation runs it: the version that its policy takes, whichever that is by then.
 *
 * Shapes: inputs `content` BYTES [-1], the content's UTF-8, and if it wants them `metadata` BYTES [-1], the
 * input's pairs as JSON text; one output, `metadata` BYTES [-1], the answer's pairs as JSON text. The first
 * dimension is the batch's; a run is one row of it. The output's id is the input's.
 */
export class ServedInvocationModel implements InvocationModel {
  readonly #models: InvokedModels;
  readonly #name: string;
  /** The inputs that were found to fit last; a version's are one object as long as it serves. */
  #fitting: readonly TensorSpec[] | undefined;

  constructor(models: InvokedModels, name: string) {
    this.#models = models;
    this.#name = name;
  }

  invoke(input: RunInput, call: InferCall): RunOutput | Promise<RunOutput> {
    const about = this.#models.metadata(this.#name, undefined);
    if (about.inputs !== this.#fitting) this.#assertFits(about);
    const request = {
      model: this.#name,
      version: undefined,
      inputs: about.inputs.map(({ name }) => tensorOf(name, input)),
      outputs: undefined,
      priority: undefined,
      parameters: undefined,
    };
    const answer = this.#models.infer(request, call);
    if (!(answer instanceof Promise)) return this.#outputOf(answer, input.id);
    return answer.then((response) => this.#outputOf(response, input.id));
  }

  problem(): string | undefined {
    if (this.#models.isModelReady(this.#name, undefined)) return undefined;
    return `the model "${this.#name}" of --invocation-model does not serve`;
  }

  #assertFits({ inputs, outputs }: ServedModelMetadata): void {
    const names = inputs.map(({ name }) => name);
    const fits = names.includes(CONTENT) && inputs.every(isInput) && outputs.length === 1 &&
      outputs.every((spec) => spec.name === METADATA && isText(spec));
    if (!fits) {
      const found = `${describe(inputs)} to ${describe(outputs)}`;
      const needed = "content BYTES [-1], optionally metadata BYTES [-1], to metadata BYTES [-1]";
      throw this.#failure("failed-precondition", `it takes ${found}, needs ${needed}`);
    }
    this.#fitting = inputs;
  }

  #outputOf({ outputs, recycle }: InferResponse, id: number): RunOutput {
    const [{ data, datatype }] = outputs;
    if (datatype !== "BYTES" || data.length !== 1) {
      throw this.#failure("internal", `its output has ${data.length} elements, needs one`);
    }
    try {
      const metadata = decodeMetadata(data[0]);
      recycle?.();
      return { id, metadata };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw this.#failure("internal", `of its output "${METADATA}", ${error.message}`);
    }
  }

  #failure(code: OperationError["code"], what: string): OperationError {
    return new OperationError(code, `Cannot invoke model "${this.#name}": ${what}`);
  }
}

function tensorOf(name: string, { content, metadata }: RunInput): Tensor {
  const bytes = name === CONTENT ? encoder.encode(content) : encodeMetadata(metadata);
  return { name, datatype: "BYTES", shape: [1], data: [bytes] };
}

function isInput(spec: TensorSpec): boolean {
  return (spec.name === CONTENT || spec.name === METADATA) && isText(spec);
}

function isText({ datatype, shape }: TensorSpec): boolean {
  return datatype === "BYTES" && shape.length === 1 && shape[0] === -1;
}

function describe(specs: readonly TensorSpec[]): string {
  if (specs.length === 0) return "nothing";
  return specs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape}]`).join(", ");
}
