import fc from "fast-check";
import { DATATYPES } from "../../lib/tensor/datatype.ts";

/** Tensors whose first dimension is the batch, so that every configuration may batch. */
const tensors = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" }),
    datatype: fc.constantFrom(...DATATYPES),
    shape: fc.array(fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 2 ** 31 })), {
      maxLength: 5,
    }).map((shape) => [-1, ...shape]),
  }),
  { minLength: 1, maxLength: 5, selector: ({ name }) => name },
);

const version = fc.integer({ min: 1, max: 10 ** 15 - 1 }).map(String);

const versions = fc.oneof(
  fc.constant("all" as const),
  fc.record({ latest: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ named: fc.uniqueArray(version, { minLength: 1, maxLength: 5 }) }),
);

const batching = fc.record({
  maxBatchSize: fc.integer({ min: 64, max: 65_536 }),
  maxDelayMs: fc.double({ min: 0, max: 10_000, noNaN: true }).map((ms) => ms + 0),
  preferredBatchSizes: fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 5 }),
}, { requiredKeys: ["maxBatchSize"] });

const queue = fc.record({
  size: fc.integer({ min: 1, max: 65_536 }),
  bytes: fc.integer({ min: 65_536, max: 4_294_967_296 }),
  priorityLevels: fc.integer({ min: 3, max: 32 }),
  defaultPriority: fc.integer({ min: 1, max: 3 }),
}, { requiredKeys: ["priorityLevels"] });

const cache = fc.record({
  entries: fc.integer({ min: 1, max: 16_777_216 }),
  bytes: fc.integer({ min: 4_096, max: 4_294_967_296 }),
  policy: fc.constantFrom("lru", "s3-fifo", "sieve"),
}, { requiredKeys: [] });

const sha256 = fc.string({
  unit: fc.constantFrom(..."0123456789abcdef"),
  minLength: 64,
  maxLength: 64,
});

const source = fc.record({
  url: fc.constantFrom(
    "file:///a%20b/model.onnx",
    "s3://models/a/model.onnx",
    "../model.onnx",
    "https://example.com/model.onnx",
  ),
  sha256,
});

const warmup = fc.array(
  fc.record({
    inputs: fc.array(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      {
        maxLength: 4,
      },
    )
      .map((data) => [{ name: "x", datatype: "FP64", shape: [1, data.length], data }]),
    count: fc.integer({ min: 1, max: 1_000 }),
  }, { requiredKeys: ["inputs"] }),
  { maxLength: 3 },
);

/** Configurations that are right, as model.json may have them: with any of the optional keys left out. */
export const arbitraryConfig = fc.record({
  platform: fc.constant("onnx"),
  outputs: tensors,
  versions,
  batching,
  queue,
  cache,
  cacheRound: fc.integer({ min: 0, max: 15 }),
  instances: fc.integer({ min: 1, max: 256 }),
  timeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
  warmup,
  source,
  options: fc.dictionary(fc.string().filter((key) => key !== "__proto__"), fc.integer(), {
    noNullPrototype: true,
  }),
}, { requiredKeys: ["platform"] });
