import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationError } from "../../lib/errors.ts";
import { MODEL_CONFIG_BYTES_MAX } from "../../lib/limits.ts";
import { parseModelConfig, readModelConfig } from "../../lib/repository/config_file.ts";
import { describeConfig } from "../../lib/repository/model_config.ts";
import { arbitraryConfig } from "./arbitrary_config.ts";
import { mayUseFolders, TempFolder } from "./temp_folder.ts";

const FILE = "models/iris/model.json";
const SHA256 = "0123456789abcdef".repeat(4);
const X = { name: "x", datatype: "FP32", shape: [-1, 4] };
const Y = { name: "y", datatype: "FP32", shape: [-1] };

function parse(config: object) {
  return parseModelConfig(JSON.stringify(config), FILE);
}

/** Why a configuration is refused, without what all messages begin with. */
function reasonOf(text: string): string {
  try {
    parseModelConfig(text, FILE);
  } catch (error) {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.code, "invalid-argument");
    assert.ok(error.message.startsWith(`Cannot read ${FILE}: `), error.message);
    return error.message.slice(`Cannot read ${FILE}: `.length);
  }
  return "";
}

Deno.test("parseModelConfig() fills in the defaults", () => {
  assert.deepEqual(parse({ platform: "onnx", batching: {}, cache: {} }), {
    platform: "onnx",
    versions: { latest: 1 },
    batching: { maxBatchSize: 32, maxDelayMs: 2, preferredBatchSizes: [] },
    queue: { size: 1024, bytes: 67_108_864, priorityLevels: 1, defaultPriority: 1 },
    cache: { entries: 10_000, bytes: 67_108_864, policy: "lru" },
    instances: 1,
    timeoutMs: 10_000,
    warmup: [],
    options: {},
  });
});

Deno.test("parseModelConfig() has no batching and no cache unless asked", () => {
  const config = parse({ platform: "linear" });
  assert.equal(config.batching, undefined);
  assert.equal(config.cache, undefined);
});

Deno.test("parseModelConfig() names the key, what was found and what is needed", async (t) => {
  const warm = (input: object) => ({ warmup: [{ inputs: [input] }] });
  const x = { ...X, shape: [1, 2], data: [1, 2] };
  const cases: [string, object, string][] = [
    [
      "no platform",
      { platform: undefined },
      'platform is missing, needs "onnx", "mlp", "script" or "linear"',
    ],
    [
      "another platform",
      { platform: "tf" },
      'platform is "tf", needs "onnx", "mlp", "script" or "linear"',
    ],
    [
      "a batch of none",
      { batching: { maxBatchSize: 0 } },
      "batching.maxBatchSize is 0, needs an integer from 1 to 65536",
    ],
    [
      "half a row",
      { batching: { maxBatchSize: 1.5 } },
      "batching.maxBatchSize is 1.5, needs an integer from 1 to 65536",
    ],
    [
      "a misspelt key",
      { batching: { maxBatchsize: 2 } },
      "batching.maxBatchsize is not a key of batching, needs one of maxBatchSize, maxDelayMs, preferredBatchSizes",
    ],
    [
      "a key of nothing",
      { batch: {} },
      "batch is not a key of a model.json, needs one of platform, inputs, outputs, versions, batching, queue, cache, cacheRound, instances, timeoutMs, warmup, source, options",
    ],
    [
      "a negative delay",
      { batching: { maxDelayMs: -1 } },
      "batching.maxDelayMs is -1, needs a number from 0 to 10000",
    ],
    ["a preferred size past the largest", {
      batching: { maxBatchSize: 8, preferredBatchSizes: [4, 16] },
    }, "batching.preferredBatchSizes[1] is 16, needs at most maxBatchSize, which is 8"],
    [
      "an input without batch dimension",
      { inputs: [{ ...X, shape: [4] }], batching: {} },
      "inputs[0].shape[0] is 4, needs -1: batching joins requests along it",
    ],
    [
      "a scalar output under batching",
      { outputs: [{ ...Y, shape: [] }], batching: {} },
      "outputs[0].shape[0] is missing, needs -1: batching joins requests along it",
    ],
    [
      "a queue of text",
      { queue: { size: "10" } },
      'queue.size is "10", needs an integer from 1 to 65536',
    ],
    [
      "a queue of few bytes",
      { queue: { bytes: 10 } },
      "queue.bytes is 10, needs an integer from 65536 to 4294967296",
    ],
    [
      "a priority past the lowest",
      { queue: { priorityLevels: 2, defaultPriority: 3 } },
      "queue.defaultPriority is 3, needs at most priorityLevels, which is 2",
    ],
    [
      "another policy",
      { cache: { policy: "fifo" } },
      'cache.policy is "fifo", needs "lru", "s3-fifo" or "sieve"',
    ],
    [
      "null for a cache",
      { cache: null },
      "cache is null, needs an object with entries, bytes, policy",
    ],
    [
      "rounding to 16 places",
      { cacheRound: 16 },
      "cacheRound is 16, needs an integer from 0 to 15",
    ],
    [
      "rounding of integers",
      { cacheRound: 4, inputs: [{ ...X, datatype: "INT32" }] },
      "cacheRound is 4, needs an input of FP16, BF16, FP32, FP64, or to be left out",
    ],
    ["no instances", { instances: 0 }, "instances is 0, needs an integer from 1 to 256"],
    ["no time", { timeoutMs: 0 }, "timeoutMs is 0, needs an integer from 1 to 3600000"],
    ["no inputs", { inputs: [] }, "inputs is empty, needs an array of 1 to 1024"],
    [
      "an input twice",
      { inputs: [X, X] },
      'inputs[1].name is "x", needs a name that is not in inputs twice',
    ],
    [
      "an input without a name",
      { inputs: [{ ...X, name: "" }] },
      'inputs[0].name is "", needs a string of 1 to 256 characters',
    ],
    [
      "another datatype",
      { inputs: [{ ...X, datatype: "float" }] },
      'inputs[0].datatype is "float", needs "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32", "FP64" or "BYTES"',
    ],
    [
      "a dimension of none",
      { inputs: [{ ...X, shape: [-1, 0] }] },
      "inputs[0].shape[1] is 0, needs -1 for any size, or an integer of at least 1",
    ],
    [
      "a script that tells nothing",
      { platform: "script" },
      "inputs is missing, needs an array: a script does not tell what it takes and gives",
    ],
    [
      "versions of a number",
      { versions: 1 },
      'versions is 1, needs {"latest": 1}, "all" or {"named": ["1", "3"]}',
    ],
    [
      "the latest none",
      { versions: { latest: 0 } },
      "versions.latest is 0, needs an integer from 1 to 64",
    ],
    [
      "a version that is no string",
      { versions: { named: [1] } },
      "versions.named[0] is 1, needs a positive integer in quotation marks, of at most 15 digits",
    ],
    [
      "a version with a zero",
      { versions: { named: ["01"] } },
      'versions.named[0] is "01", needs a positive integer in quotation marks, of at most 15 digits',
    ],
    [
      "a version twice",
      { versions: { named: ["1", "1"] } },
      'versions.named[1] is "1", needs a version that is not named twice',
    ],
    [
      "latest and named",
      { versions: { latest: 1, named: ["1"] } },
      'versions is an object, needs {"latest": 1}, "all" or {"named": ["1", "3"]}',
    ],
    [
      "a source without hash",
      { source: { url: "https://example.com/model.onnx" } },
      "source.sha256 is missing, needs 64 hex digits where url is http(s)://",
    ],
    [
      "half a hash",
      { source: { url: "s3://models/model.onnx", sha256: "ab" } },
      'source.sha256 is "ab", needs 64 hex digits, the SHA-256 of the file',
    ],
    [
      "a source by FTP",
      { source: { url: "ftp://example.com/model.onnx" } },
      'source.url is "ftp://example.com/model.onnx", needs a path, file:///…, http(s)://…, or s3://bucket/key',
    ],
    [
      "a source with a password",
      { source: { url: "https://a:b@example.com/m.onnx", sha256: SHA256 } },
      'source.url is "https://a:b@example.com/m.onnx", needs a path, file:///…, http(s)://…, or s3://bucket/key',
    ],
    [
      "a bucket without a key",
      { source: { url: "s3://models" } },
      'source.url is "s3://models", needs a path, file:///…, http(s)://…, or s3://bucket/key',
    ],
    [
      "a source of an unknown kind",
      { platform: "mlp", source: { url: "/a/model.bin" } },
      'source.url is "/a/model.bin", needs an address that ends in .safetensors or .pt or .b64 for platform mlp',
    ],
    [
      "warm-up by another name",
      { inputs: [X], ...warm({ ...x, name: "z" }) },
      'warmup[0].inputs is an array, needs the model\'s input "x" too',
    ],
    [
      "warm-up of another datatype",
      { inputs: [X], ...warm({ ...x, datatype: "FP64" }) },
      'warmup[0].inputs[0].datatype is "FP64", needs FP32, as the model\'s input',
    ],
    [
      "warm-up of another shape",
      { inputs: [X], ...warm(x) },
      "warmup[0].inputs[0].shape is an array, needs [-1,4], -1 standing for any size",
    ],
    [
      "warm-up of too few values",
      warm({ ...x, data: [1] }),
      "warmup[0].inputs[0].data.length is 1, needs 2, as shape [1,2] says",
    ],
    [
      "warm-up of text",
      warm({ ...x, data: [1, "2"] }),
      'warmup[0].inputs[0].data[1] is "2", needs a finite number',
    ],
    [
      "warm-up past a byte",
      warm({ ...x, datatype: "UINT8", data: [255, 256] }),
      "warmup[0].inputs[0].data[1] is 256, needs an integer of UINT8, 0 to 255",
    ],
    [
      "warm-up of any size",
      warm({ ...x, shape: [-1, 2] }),
      "warmup[0].inputs[0].shape[0] is -1, needs an integer from 0 to 9007199254740991",
    ],
    ["options of a list", { options: [] }, "options is empty, needs an object"],
  ];
  for (const [name, change, expected] of cases) {
    await t.step(name, () => {
      assert.equal(reasonOf(JSON.stringify({ platform: "onnx", ...change })), expected);
    });
  }
});

Deno.test("parseModelConfig() takes warm-up data of every kind", () => {
  const inputs = [
    { name: "a", datatype: "BOOL", shape: [2], data: [true, false] },
    { name: "b", datatype: "BYTES", shape: [1], data: ["ü"] },
    { name: "c", datatype: "INT64", shape: [2], data: [-1, "-9223372036854775808"] },
    { name: "d", datatype: "UINT64", shape: [1], data: ["18446744073709551615"] },
    { name: "e", datatype: "FP16", shape: [], data: [0.5] },
    { name: "f", datatype: "INT8", shape: [0, 3], data: [] },
  ];
  assert.deepEqual(parse({ platform: "onnx", warmup: [{ inputs, count: 3 }] }).warmup, [
    { inputs, count: 3 },
  ]);
});

Deno.test("parseModelConfig() tells the line and column of what is no JSON", () => {
  assert.equal(
    reasonOf('{\n  "platform": "onnx",\n}'),
    'line 3, column 1: found "}", needs a key in double quotes',
  );
  assert.equal(
    reasonOf("[]"),
    "the whole is empty, needs an object with platform, inputs, " +
      "outputs, versions, batching, queue, cache, cacheRound, instances, timeoutMs, warmup, source, options",
  );
});

Deno.test("parseModelConfig() reads what describeConfig() tells, for any configuration", () => {
  fc.assert(fc.property(arbitraryConfig, (config) => {
    const parsed = parse(config);
    assert.deepEqual(parse(describeConfig(parsed)), parsed);
    for (const [key, value] of Object.entries(config)) {
      if (typeof value !== "object") assert.equal(parsed[key as keyof typeof parsed], value);
    }
  }));
});

Deno.test("parseModelConfig() names the key that was changed for the worse, in any configuration", () => {
  const wrong = fc.constantFrom(null, "", -7, [[]], Number.MAX_SAFE_INTEGER, { no: 1 });
  fc.assert(fc.property(arbitraryConfig, fc.nat(), wrong, (config, pick, value) => {
    const keys = Object.keys(config).filter((key) => key !== "options");
    const key = keys[pick % keys.length];
    const reason = reasonOf(JSON.stringify({ ...config, [key]: value }));
    assert.ok(reason.startsWith(key), `${key}: ${reason}`);
  }));
});

Deno.test("parseModelConfig() gives a configuration or our error for any JSON", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    assert.notEqual(reasonOf(text), "");
  }));
});

Deno.test("describeConfig() hides what an address may hide", () => {
  const url = "https://example.com/m/model.onnx?X-Amz-Signature=secret#part";
  const described = describeConfig(parse({ platform: "onnx", source: { url, sha256: SHA256 } }));
  assert.deepEqual(described.source, {
    url: "https://example.com/m/model.onnx",
    sha256: SHA256,
  });
});

Deno.test({ name: "readModelConfig() says why it cannot", ignore: !mayUseFolders }, async () => {
  await using folder = new TempFolder();
  await folder.write({ large: " ".repeat(MODEL_CONFIG_BYTES_MAX + 1), "folder/file": "" });
  await Deno.writeFile(`${folder.path}/latin`, new Uint8Array([0xe4]));
  const cases = [
    ["none", "not-found", "Cannot read m: there is no such file"],
    ["large", "invalid-argument", "Cannot read m: it is larger than 1048576 bytes"],
    ["latin", "invalid-argument", "Cannot read m: it is not UTF-8"],
    ["folder", "invalid-argument", "Cannot read m: it is a folder, needs a file"],
  ];
  for (const [file, code, message] of cases) {
    await assert.rejects(readModelConfig(`${folder.path}/${file}`, "m"), { code, message });
  }
});
