import { z } from "zod";
import type { Operation } from "./operation.ts";

const milliseconds = z.number().nonnegative();
const count = z.int().nonnegative();

const setWeightsRequest = z.object({
  nn_id: z.string().regex(/^[0-9a-f]{32}$/).meta({ description: "What predictions will name." }),
  data: z.string().meta({
    format: "binary",
    description: "A file of type application/octet-stream: one line of base64 of what " +
      "torch.save(state_dict) writes.",
  }),
});

const setWeightsResponse = z.object({
  status: z.boolean(),
  message: z.string(),
  workers_count: count,
  workers: z.array(z.object({
    result: z.boolean(),
    trace: z.string().optional().meta({ description: "In base64: why this worker failed." }),
  })),
});

const predictRequest = z.object({ vector: z.array(z.number()) });

const predictResponse = z.object({
  status: z.boolean(),
  message: z.string().meta({
    description: "The network's id; of a failed prediction why, in base64.",
  }),
  result: z.number(),
});

const statusResponse = z.object({
  status: z.boolean(),
  message: z.string(),
  queue_requests_current: count,
  queue_requests_max: count,
  req_handling_time_avg_ms: milliseconds,
  workers_count: count,
  workers: z.array(z.object({
    address: z.array(z.string()),
    nn_id: z.string(),
    req_handling_time_avg_ms: milliseconds,
    count_requests_handled: count,
    inference_time_avg_ms: milliseconds,
  })),
});

/** What the API's description says of the Pipeline. */
export const PIPELINE_OPERATIONS: Readonly<Record<string, Operation>> = {
  setWeights: {
    tag: "pipeline",
    summary: "Give all workers another network's weights",
    description:
      "All workers take them, or none. 400 says in plain text what is wrong with the form; " +
      "503 that there are no workers, or too many uploads.",
    request: { "multipart/form-data": { schema: setWeightsRequest } },
    requestRequired: true,
    answer: "What came of it, by worker.",
    response: { "application/json": { schema: setWeightsResponse } },
  },
  predict: {
    tag: "pipeline",
    summary: "Predict with the network",
    description:
      "400 says in plain text what is wrong with the body; 503 that there are no workers, " +
      "or that the queue is full.",
    request: {
      "application/json": { schema: predictRequest, example: { vector: [0.3, 0.7] } },
    },
    requestRequired: true,
    answer: "The prediction, or why there is none.",
    response: { "application/json": { schema: predictResponse } },
  },
  pipelineStatus: {
    tag: "pipeline",
    summary: "What the workers do",
    description: "Times are averages over the last 100 requests.",
    answer: "The queue and each worker.",
    response: { "application/json": { schema: statusResponse } },
  },
};
