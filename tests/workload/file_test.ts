import assert from "node:assert/strict";
import fc from "fast-check";
import example from "../../workload.json" with { type: "text" };
import { OperationError } from "../../lib/errors.ts";
import {
  parseWorkloadFile,
  readWorkloadFile,
  WORKLOAD_FILE_BYTES_MAX,
} from "../../lib/workload/file.ts";
import { WORKLOAD_ELEMENTS_MAX } from "../../lib/workload/file_schema.ts";

const hasFiles = Deno.permissions.querySync({ name: "write" }).state === "granted" &&
  Deno.permissions.querySync({ name: "read" }).state === "granted";

function withRequests(...requests: unknown[]): string {
  return JSON.stringify({ requests });
}

function predict(inputs: unknown): unknown {
  return { type: "Predict", value: { inputs } };
}

Deno.test("parseWorkloadFile() gives the requests of the example file in order", () => {
  assert.deepEqual(parseWorkloadFile(example, "workload.json"), [
    { type: "SetCoefs", value: { coefs: [1, 2, 3] } },
    { type: "Predict", value: { inputs: [1, 2, 3] } },
    { type: "Predict", value: { inputs: [1, 2, 3] } },
    { type: "Predict", value: { inputs: [1.00004, 2.00001, 2.99996] } },
    { type: "Predict", value: { inputs: [2, 3, 4] } },
    { type: "Predict", value: { inputs: [1, 2] } },
  ]);
});

Deno.test("parseWorkloadFile() accepts empty lists and float32's extremes", () => {
  const numbers = [0, -0.5, 3.4028235e38, -3.4028235e38, 1e-300, 9007199254740993];
  for (const text of [withRequests(), withRequests(predict([])), withRequests(predict(numbers))]) {
    assert.deepEqual(parseWorkloadFile(text, "w"), JSON.parse(text).requests);
  }
});

Deno.test("parseWorkloadFile() reads int64 numbers as JSON numbers and as strings, exactly", () => {
  const cases: readonly (readonly [value: unknown, number: bigint])[] = [
    [1, 1n],
    [-0, 0n],
    [Number.MAX_SAFE_INTEGER, 9007199254740991n],
    ["9007199254740993", 9007199254740993n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["-9223372036854775808", -(2n ** 63n)],
  ];
  for (const [value, number] of cases) {
    const text = withRequests({ type: "SetNum", value: { key: "A", value } });
    const request = { type: "SetNum", value: { key: "A", value: number } };
    assert.deepEqual(parseWorkloadFile(text, "w"), [request]);
  }
  const fact = { type: "Fact", value: { key: "" } };
  assert.deepEqual(parseWorkloadFile(withRequests(fact), "w"), [fact]);
});

Deno.test("parseWorkloadFile() gives back any workload that was written as JSON", () => {
  const vector = fc.array(fc.float({ noDefaultInfinity: true, noNaN: true }).map((x) => x + 0));
  const request = fc.oneof(
    fc.record({ type: fc.constant("SetCoefs"), value: fc.record({ coefs: vector }) }),
    fc.record({ type: fc.constant("Predict"), value: fc.record({ inputs: vector }) }),
  );
  fc.assert(fc.property(fc.array(request), (requests) => {
    const text = JSON.stringify({ requests });
    assert.equal(JSON.stringify({ requests: parseWorkloadFile(text, "w") }), text);
  }));
});

Deno.test("parseWorkloadFile() answers any text with requests or with an OperationError", () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(fc.jsonValue()).map((requests) => JSON.stringify({ requests })),
    fc.jsonValue().map((value) => withRequests({ type: "SetCoefs", value })),
    fc.jsonValue().map((coefs) => withRequests({ type: "SetCoefs", value: { coefs } })),
  );
  fc.assert(fc.property(texts, (text) => {
    try {
      parseWorkloadFile(text, "w");
    } catch (error) {
      assert.ok(error instanceof OperationError);
      assert.equal(error.code, "invalid-argument");
      assert.match(error.message, /^Cannot read workload w: /);
    }
  }));
});

Deno.test("parseWorkloadFile() says where a file is wrong and what is expected", async (t) => {
  const coefs = (...numbers: unknown[]) => ({ type: "SetCoefs", value: { coefs: numbers } });
  const good = coefs(1);
  const inRange = "a number in float32's range (up to 3.4028235e38)";
  const cases: (readonly [text: string, reason: string])[] = [
    ["", "expected JSON: Unexpected end of JSON input"],
    ["null", "expected an object with requests, found null"],
    ["[]", "expected an object with requests, found an array"],
    ["{}", "requests: expected an array, found nothing"],
    ['{"requests": {}}', "requests: expected an array, found an object"],
    ['{"requests": [], "seed": 1}', 'expected only requests, found "seed" too'],
    ['{"requests": [], "__proto__": 1}', 'expected only requests, found "__proto__" too'],
    [withRequests(good, 7), "requests[1]: expected an object with type and value, found 7"],
    [
      withRequests({}),
      'requests[0].type: expected "SetCoefs", "Predict", "SetNum" or "Fact", found nothing',
    ],
    [
      withRequests({ type: "Train", value: {} }),
      'requests[0].type: expected "SetCoefs", "Predict", "SetNum" or "Fact", found "Train"',
    ],
    [
      withRequests({ type: "x".repeat(50) }),
      `requests[0].type: expected "SetCoefs", "Predict", "SetNum" or "Fact", found "${
        "x".repeat(39)
      }…`,
    ],
    [
      withRequests({ type: "Predict" }),
      "requests[0].value: expected an object with inputs, found nothing",
    ],
    [
      withRequests({ type: "Predict", value: { coefs: [1] } }),
      "requests[0].value.inputs: expected an array, found nothing",
    ],
    [
      withRequests({ type: "Predict", value: { inputs: [1], dtype: "float" } }),
      'requests[0].value: expected only inputs, found "dtype" too',
    ],
    [
      withRequests({ ...good, comment: "x" }),
      'requests[0]: expected only type and value, found "comment" too',
    ],
    [
      withRequests(good, good, good, coefs(1, "x")),
      'requests[3].value.coefs[1]: expected a number, found "x"',
    ],
    [withRequests(predict([null])), "requests[0].value.inputs[0]: expected a number, found null"],
    [
      withRequests(predict([[1]])),
      "requests[0].value.inputs[0]: expected a number, found an array",
    ],
    [
      withRequests(predict([1, 3.5e38])),
      `requests[0].value.inputs[1]: expected ${inRange}, found 3.5e+38`,
    ],
    [
      withRequests(predict(["BIG"])).replace('"BIG"', "-1e999"),
      `requests[0].value.inputs[0]: expected ${inRange}, found one beyond float64's`,
    ],
    [
      withRequests(predict(Array(WORKLOAD_ELEMENTS_MAX + 1).fill(0))),
      "requests[0].value.inputs: expected at most 1048576 numbers, found 1048577",
    ],
  ];
  const int64 = "an int64, as an integer of up to 2^53 - 1 or as a string of digits";
  const setNum = (value: unknown) => withRequests({ type: "SetNum", value });
  const wrongNumbers: readonly (readonly [value: unknown, found: string])[] = [
    [undefined, "nothing"],
    [1.5, "1.5"],
    [2 ** 53, "9007199254740992"],
    ["9223372036854775808", '"9223372036854775808"'],
    ["-9223372036854775809", '"-9223372036854775809"'],
    ["1e3", '"1e3"'],
    ["", '""'],
    [true, "true"],
  ];
  cases.push(
    ...wrongNumbers.map(([value, found]): readonly [string, string] => [
      setNum({ key: "A", value }),
      `requests[0].value.value: expected ${int64}, found ${found}`,
    ]),
    [setNum({ value: 1 }), "requests[0].value.key: expected a string, found nothing"],
    [setNum(1), "requests[0].value: expected an object with key and value, found 1"],
    [
      setNum({ key: "\ud800", value: 1 }),
      "requests[0].value.key: expected Unicode text, found half a character",
    ],
    [
      withRequests({ type: "Fact", value: { key: "A", value: 1 } }),
      'requests[0].value: expected only key, found "value" too',
    ],
  );
  for (const [text, reason] of cases) {
    await t.step(reason, () => {
      assert.throws(() => parseWorkloadFile(text, "workload.json"), {
        name: "OperationError",
        code: "invalid-argument",
        message: `Cannot read workload workload.json: ${reason}`,
      });
    });
  }
});

Deno.test("parseWorkloadFile() says on one line why a file is not JSON", () => {
  assert.throws(() => parseWorkloadFile('{"requests":\n\n [1,\n}', "w"), {
    code: "invalid-argument",
    message: /^Cannot read workload w: expected JSON: .*$/,
  });
});

Deno.test("readWorkloadFile() reads a file", { ignore: !hasFiles }, async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, withRequests(predict([1, 2])));
    assert.deepEqual(await readWorkloadFile(path), [predict([1, 2])]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readWorkloadFile() names what it cannot read", { ignore: !hasFiles }, async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const large = `${folder}/large.json`;
    await Deno.writeTextFile(large, "");
    await Deno.truncate(large, WORKLOAD_FILE_BYTES_MAX + 1);
    const binary = `${folder}/binary.json`;
    await Deno.writeFile(binary, Uint8Array.of(0x22, 0xff, 0x22));
    const missing = `${folder}/missing.json`;
    const cases = [
      [missing, "failed-precondition", "there is no such file"],
      [folder, "failed-precondition", "it is a folder, needs a file"],
      [large, "invalid-argument", "expected at most 67108864 bytes, found more"],
      [binary, "invalid-argument", "expected UTF-8, found other bytes"],
    ];
    for (const [path, code, reason] of cases) {
      await t.step(reason, async () => {
        const message = `Cannot read workload ${path}: ${reason}`;
        await assert.rejects(readWorkloadFile(path), { name: "OperationError", code, message });
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(
  "readWorkloadFile() says that it has no permission",
  { permissions: "none" },
  async () => {
    await assert.rejects(readWorkloadFile("workload.json"), {
      name: "OperationError",
      code: "failed-precondition",
      message: "Cannot read workload workload.json: no permission to read it (--allow-read)",
    });
  },
);
