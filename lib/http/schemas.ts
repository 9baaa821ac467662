import { z } from "zod";
import {
  INFER_ID_CHARS_MAX,
  INFER_PARAMETERS_MAX,
  INFER_TENSORS_MAX,
  TENSOR_DIMENSIONS_MAX,
} from "../limits.ts";
import { DATATYPES } from "../tensor/datatype.ts";

/** A list that is measured before it is looked into: each wrong element of a million would be an issue. */
function list<Element extends z.ZodType>(element: Element, max: number) {
  return z.array(z.unknown()).max(max).pipe(z.array(element));
}

const parametersSchema = z.record(z.string(), z.unknown()).refine(
  (parameters) => Object.keys(parameters).length <= INFER_PARAMETERS_MAX,
  { error: `expected at most ${INFER_PARAMETERS_MAX} parameters` },
).pipe(z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])));

const nameSchema = z.string().min(1);

/** A tensor's name, type and dimensions. Source: Open Inference Protocol v2, `$request_input`. */
export const tensorHeadSchema = z.object({
  name: nameSchema,
  datatype: z.enum(DATATYPES),
  shape: list(z.int().nonnegative(), TENSOR_DIMENSIONS_MAX),
});

/** The elements of a tensor are checked with its shape and datatype, where they are read. */
const dataSchema = z.unknown().meta({
  description:
    "The elements, row-major: flat, or nested as the shape says. Booleans for BOOL, strings " +
    "for BYTES, numbers for the rest; 64-bit integers also as strings of digits; floats also as " +
    '"NaN", "Infinity" and "-Infinity". FP16 and BF16 have no JSON form. ' +
    "Absent when they stand behind the JSON (binary_data_size).",
});

const inputSchema = tensorHeadSchema.extend({
  parameters: parametersSchema.optional().meta({
    description: "binary_data_size: bytes of this tensor behind the JSON.",
  }),
  data: dataSchema.optional(),
});

const outputSchema = z.object({
  name: nameSchema,
  parameters: parametersSchema.optional().meta({
    description: "binary_data: whether this output is to stand behind the JSON.",
  }),
});

/** Source: Open Inference Protocol v2, `$inference_request`; binary tensor data extension. */
export const inferRequestSchema = z.object({
  id: z.string().max(INFER_ID_CHARS_MAX).optional(),
  parameters: parametersSchema.optional().meta({
    description: "priority: 1 is the highest. timeout: microseconds. " +
      "binary_data_output: whether outputs that do not say are to stand behind the JSON. " +
      "Others have no effect.",
  }),
  inputs: list(inputSchema, INFER_TENSORS_MAX).meta({ description: "In any order." }),
  outputs: list(outputSchema, INFER_TENSORS_MAX).optional().meta({
    description: "The outputs that are wanted; all when there are none.",
  }),
});

/** Source: model repository extension, `$repository_index_request`. */
export const indexRequestSchema = z.object({
  ready: z.boolean().optional().meta({ description: "Whether to list what is ready alone." }),
});

/** Source: model repository extension, `$repository_load_request` and `$repository_unload_request`. */
export const repositoryRequestSchema = z.object({ parameters: parametersSchema.optional() });
