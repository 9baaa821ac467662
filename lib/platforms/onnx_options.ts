import { z } from "zod";

/** Threads of one model; onnxruntime makes one for each core of a large machine at most. */
const THREADS_MAX = 256;

/** How onnxruntime computes a model: the options of the platform, and of a script that opens such files. */
export const onnxOptionsSchema = z.strictObject({
  /** Which build of onnxruntime; "auto" takes node where it loads, else web. */
  runtime: z.enum(["auto", "node", "web"], { error: '"auto", "node" or "web"' }).default("auto"),
  /** That compute one operation together; the web build has one. */
  threads: z.int({ error: `an integer from 1 to ${THREADS_MAX}` })
    .min(1, { error: `an integer from 1 to ${THREADS_MAX}` })
    .max(THREADS_MAX, { error: `an integer from 1 to ${THREADS_MAX}` })
    .default(1),
  /** In the order in which each is asked for every operation. One that is not there is an error. */
  executionProviders: z.array(z.string({ error: "a name" }), { error: "a list of names" })
    .min(1, { error: "at least one name" })
    .default(["cpu"]),
  graphOptimization: z.enum(["disabled", "basic", "extended", "all"], {
    error: '"disabled", "basic", "extended" or "all"',
  }).default("all"),
}, { error: "an object" });

export type OnnxOptions = z.infer<typeof onnxOptionsSchema>;
