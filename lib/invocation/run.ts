/** A pair that says something of an input or an output. Source: spec invocation, `model.v1`. */
export interface MetadataEntry {
  readonly key: string;
  readonly value: string;
}

/** What a model is run on. */
export interface RunInput {
  /** An int32, chosen by the caller: the last run of an id wins. */
  readonly id: number;
  readonly content: string;
  readonly metadata: readonly MetadataEntry[];
}

/** What a model says of an input. */
export interface RunOutput {
  /** An int32; the input's, unless the model says otherwise. */
  readonly id: number;
  readonly metadata: readonly MetadataEntry[];
}

/** An input with the output of the same run: one is never kept, nor told, without the other. */
export interface Run {
  readonly input: RunInput;
  readonly output: RunOutput;
}
