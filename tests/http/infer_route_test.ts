import assert from "node:assert/strict";
import { deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { DATATYPES } from "../../lib/tensor/datatype.ts";
import { inputJson, requestJson, TestApp } from "./test_http.ts";

const INFER = "/v2/models/echo/infer";
const utf8 = new TextEncoder();

/** The text of the answer's first `data`, as it was sent. */
async function echoText(body: object | string): Promise<string> {
  const response = await new TestApp().post(INFER, body);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return /"data":(\[.*?\])\}/.exec(text)?.[1] ?? text;
}

async function refusal(body: object | string, headers = {}): Promise<string> {
  const response = await new TestApp().post(INFER, body, headers);
  const { error } = await response.json();
  assert.equal(response.status, 400, error);
  return error;
}

/** JSON with bytes behind it, and the header field that says where they begin. */
function binaryBody(json: object, ...parts: Uint8Array[]) {
  const head = utf8.encode(JSON.stringify(json));
  const body = new Uint8Array(parts.reduce((sum, { length }) => sum + length, head.length));
  body.set(head);
  let offset = head.length;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.length;
  }
  return {
    body,
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(head.length),
    },
  };
}

function binaryInput(name: string, datatype: string, shape: number[], bytes: Uint8Array) {
  return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
}

Deno.test("infer: JSON data come back with every digit", async (t) => {
  const cases: [string, string][] = [
    ["BOOL", "[true,false]"],
    ["UINT8", "[0,255]"],
    ["UINT16", "[0,65535]"],
    ["UINT32", "[0,4294967295]"],
    ["UINT64", "[0,9007199254740993,18446744073709551615]"],
    ["INT8", "[-128,127]"],
    ["INT16", "[-32768,32767]"],
    ["INT32", "[-2147483648,2147483647]"],
    ["INT64", "[-9223372036854775808,-9007199254740993,1,9223372036854775807]"],
    ["FP32", "[0.10000000149011612,-3.4028234663852886e+38,1e-45,-0.0]"],
    ["FP64", '[0.1,5e-324,1.7976931348623157e+308,-0.0,"NaN","Infinity","-Infinity"]'],
    ["BYTES", '["","é\\"\\\\","9007199254740993","\u{1f600}"]'],
  ];
  for (const [datatype, data] of cases) {
    await t.step(datatype, async () => {
      const shape = `[${JSON.parse(data).length}]`;
      const input = `{"name":"x","datatype":"${datatype}","shape":${shape},"data":${data}}`;
      const sent = datatype === "FP32" ? data.replace("1e-45", "1.401298464324817e-45") : data;
      const text = await echoText(`{"inputs":[${input.replace(data, sent)}]}`);
      assert.equal(text, sent);
    });
  }
});

Deno.test("infer: long integers are exact wherever they stand", async () => {
  const app = new TestApp();
  // What looks like them within strings and fractions is left alone.
  const text = `{"id":"\\\\\\"1234567890123456789","parameters":{"big":9007199254740993,` +
    `"small":7,"real":0.12345678901234566,"wide":18446744073709551615},"inputs":[` +
    `{"name":"f","datatype":"FP64","shape":[2],"data":[0.12345678901234566,1e-1234567890123456]},` +
    `{"name":"x","datatype":"INT64","shape":[2,2],"data":[[9007199254740993, 1],` +
    `[ -9007199254740995 ,"9007199254740997"]]}]}`;
  const response = await app.post(INFER, text);
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
  const [request] = app.backend.requests;
  assert.deepEqual(request.parameters, {
    big: 9007199254740993n,
    small: 7,
    real: 0.12345678901234566,
    wide: 18446744073709551615n,
  });
  assert.deepEqual(
    request.inputs[1].data,
    new BigInt64Array([9007199254740993n, 1n, -9007199254740995n, 9007199254740997n]),
  );
  assert.match(answer, /"id":"\\\\\\"1234567890123456789"/);
  assert.match(answer, /"data":\[0.12345678901234566,0\]/);
});

Deno.test("infer: nested data are flat in the answer", async () => {
  const nested = [[[1, 2, 3], [4, 5, 6]]];
  assert.equal(await echoText(requestJson("INT32", nested, [1, 2, 3])), "[1,2,3,4,5,6]");
  assert.equal(await echoText(requestJson("FP32", [], [0])), "[]");
  assert.equal(await echoText(requestJson("FP32", [[], []], [2, 0])), "[]");
  assert.equal(await echoText(requestJson("FP32", [5], [])), "[5]");
});

Deno.test("infer: refuses wrong data by tensor, element and reason", async (t) => {
  const cases: [object | string, RegExp][] = [
    [
      requestJson("UINT8", [1, 256]),
      /^Cannot read input "x": element 1 is 256, UINT8 needs an integer from 0 to 255$/,
    ],
    [requestJson("INT32", [1.5]), /element 0 is 1.5/],
    [requestJson("INT32", [2 ** 31]), /element 0 is 2147483648/],
    [requestJson("BOOL", [1]), /element 0 is 1, BOOL needs true or false/],
    [requestJson("FP32", [1e39]), /element 0 is 1e\+39, FP32 needs a number in its range/],
    [requestJson("FP32", [null]), /element 0 is null/],
    [requestJson("FP32", ["1"]), /element 0 is "1"/],
    [requestJson("BYTES", [1]), /element 0 is 1, BYTES needs a string/],
    [requestJson("INT64", ["12x"]), /element 0 is "12x"/],
    [requestJson("UINT64", [-1]), /element 0 is -1/],
    [requestJson("FP16", [1]), /FP16 has no JSON form, need binary data/],
    [requestJson("BF16", [1]), /BF16 has no JSON form/],
    [requestJson("FP32", [1, 2], [3]), /2 elements, shape \[3\] needs 3/],
    [requestJson("FP32", [[1, 2], [3]], [2, 2]), /data\[1\] is 1 elements, shape \[2,2\] needs 2/],
    [requestJson("FP32", [[1], 2], [2, 1]), /data\[1\] is 2, shape/],
    [requestJson("FP32", [[[1]]], [1, 1]), /element 0 is an array/],
    [requestJson("FP32", [1], [1e15, 1e15]), /1 elements/],
    [
      { inputs: [{ name: "x", datatype: "FP32", shape: [1] }] },
      /its data are nothing, need an array/,
    ],
    [
      { inputs: [{ name: "x", datatype: "FP9", shape: [1], data: [1] }] },
      /inputs\[0\]\.datatype: /,
    ],
    [
      { inputs: [{ name: "x", datatype: "FP32", shape: [-1], data: [1] }] },
      /inputs\[0\]\.shape\[0\]: /,
    ],
    [
      { inputs: [{ datatype: "FP32", shape: [1], data: [1] }] },
      /inputs\[0\]\.name: expected string/,
    ],
    [{}, /inputs: expected array/],
    [{ inputs: new Array(2_000).fill(0) }, /inputs: .*1024/],
    ["[]", /expected object, received array/],
    [{ ...requestJson("FP32", [1]), parameters: { priority: -1 } }, /parameter priority is -1/],
    [
      { ...requestJson("FP32", [1]), parameters: { timeout: "soon" } },
      /parameter timeout is "soon"/,
    ],
    [{ ...requestJson("FP32", [1]), parameters: { a: { b: 1 } } }, /parameters\.a: /],
    [
      { inputs: [{ ...inputJson("FP32", [1]), parameters: { shared_memory_region: "r" } }] },
      /input "x": shared_memory_region is not supported/,
    ],
    [
      { ...requestJson("FP32", [1]), outputs: [{ name: "x", parameters: { classification: 2 } }] },
      /output "x": classification is not supported/,
    ],
    [
      '{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[9223372036854775808]}]}',
      /9223372036854775808/,
    ],
    [
      '{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[1e300]}]}',
      /element 0 is 1e\+300/,
    ],
    [
      `{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[${"9".repeat(300_000)}]}]}`,
      /beyond|element 0/,
    ],
    [`{"parameters":{"p":${"9".repeat(300)}},"inputs":[]}`, /parameter p is .*64 bits/],
  ];
  for (const [body, reason] of cases) {
    const name = typeof body === "string" ? body.slice(0, 60) : JSON.stringify(body).slice(0, 90);
    await t.step(name, async () => assert.match(await refusal(body), reason));
  }
});

Deno.test("infer: malformed JSON is refused with its place", async () => {
  assert.match(await refusal('{"inputs": [1, 2'), /^Cannot parse JSON: .*position 16/);
  assert.match(await refusal('{"inputs": [{"data": [1, NaN]}]}'), /NaN/);
  assert.match(await refusal("["), /end of JSON/);
  const deep = "[".repeat(400_000) + "]".repeat(400_000);
  assert.match(await refusal(`{"inputs":${deep}}`), /inputs\[0\]: expected object/);
  const response = await new TestApp().post(INFER, new Uint8Array([0x22, 0xff, 0x22]));
  assert.equal((await response.json()).error, "Cannot parse JSON: it is not UTF-8");
});

Deno.test("infer: binary tensors both ways, of every datatype", async (t) => {
  for (const datatype of DATATYPES) {
    await t.step(datatype, async () => {
      const bytes = datatype === "BYTES"
        ? new Uint8Array([2, 0, 0, 0, 0xff, 0, 0, 0, 0, 0])
        : crypto.getRandomValues(new Uint8Array(2 * 8)).map((byte) => byte % 2);
      const size = /64$/.test(datatype)
        ? 8
        : /32$/.test(datatype)
        ? 4
        : /16$/.test(datatype)
        ? 2
        : 1;
      const count = datatype === "BYTES" ? 2 : bytes.length / size;
      const { body, headers } = binaryBody({
        inputs: [binaryInput("x", datatype, [count], bytes), inputJson("INT32", [7])],
        parameters: { binary_data_output: true },
      }, bytes);
      const response = await new TestApp().post(INFER, body, headers);
      const answer = new Uint8Array(await response.arrayBuffer());
      assert.equal(response.status, 200, new TextDecoder().decode(answer));
      assert.equal(response.headers.get("content-type"), "application/octet-stream");
      const length = Number(response.headers.get("inference-header-content-length"));
      const json = JSON.parse(new TextDecoder().decode(answer.subarray(0, length)));
      assert.deepEqual(json.outputs[0], {
        name: "x",
        datatype,
        shape: [count],
        parameters: { binary_data_size: bytes.length },
      });
      assert.deepEqual(answer.subarray(length, length + bytes.length), bytes);
      assert.deepEqual(answer.subarray(length + bytes.length), new Uint8Array([7, 0, 0, 0]));
    });
  }
});

Deno.test("infer: outputs are binary one by one", async () => {
  const app = new TestApp();
  const inputs = ["a", "b", "c"].map((name) => ({ ...inputJson("UINT8", [1]), name }));
  const outputs = [
    { name: "a", parameters: { binary_data: false } },
    { name: "b" },
    { name: "c", parameters: { binary_data: true } },
  ];
  const response = await app.post(INFER, { id: "42", inputs, outputs });
  const length = Number(response.headers.get("inference-header-content-length"));
  const text = await response.text();
  const json = JSON.parse(text.slice(0, length));
  assert.deepEqual(json, {
    model_name: "echo",
    model_version: "3",
    id: "42",
    outputs: [
      { name: "a", datatype: "UINT8", shape: [1], data: [1] },
      { name: "b", datatype: "UINT8", shape: [1], data: [1] },
      { name: "c", datatype: "UINT8", shape: [1], parameters: { binary_data_size: 1 } },
    ],
  });
  assert.equal(text.slice(length), "\x01");
  assert.deepEqual(app.backend.requests[0].outputs, ["a", "b", "c"]);
});

Deno.test("infer: what has no JSON form is refused by output", async () => {
  const half = new Uint8Array([0, 0x3c]);
  const bytes = new Uint8Array([1, 0, 0, 0, 0xff]);
  for (
    const [datatype, data, reason] of [["FP16", half, /FP16/], [
      "BYTES",
      bytes,
      /not UTF-8/,
    ]] as const
  ) {
    const { body, headers } = binaryBody({ inputs: [binaryInput("x", datatype, [1], data)] }, data);
    const response = await new TestApp().post(INFER, body, headers);
    assert.equal(response.status, 400);
    const { error } = await response.json();
    assert.match(error, /^Cannot write output "x" as JSON: .* need binary_data: true$/);
    assert.match(error, reason);
  }
});

Deno.test("infer: refuses binary data that do not fit", async (t) => {
  const four = new Uint8Array(4);
  const input = binaryInput("x", "FP32", [1], four);
  const cases: [string, ReturnType<typeof binaryBody>, RegExp][] = [
    [
      "too few",
      binaryBody({ inputs: [input] }, four.subarray(1)),
      /"x": binary_data_size 4, 3 bytes are left/,
    ],
    ["too many", binaryBody({ inputs: [input] }, four, four), /8 bytes behind its JSON, .* need 4/],
    [
      "shape",
      binaryBody({ inputs: [{ ...input, shape: [2] }] }, four),
      /FP32 of shape \[2\] needs 8/,
    ],
    [
      "both",
      binaryBody({ inputs: [{ ...input, data: [1] }] }, four),
      /both data and binary_data_size/,
    ],
  ];
  for (const length of ["0", "-1", "x", "99999", "1e1", ""]) {
    const made = binaryBody({ inputs: [] });
    made.headers["inference-header-content-length"] = length;
    cases.push([`length ${length}`, made, /inference-header-content-length/]);
  }
  for (const [name, { body, headers }, reason] of cases) {
    await t.step(name, async () => {
      const response = await new TestApp().post(INFER, body, headers);
      assert.equal(response.status, 400);
      assert.match((await response.json()).error, reason);
    });
  }
});

Deno.test("infer: compressed requests, bounded after inflation", async () => {
  const text = JSON.stringify(requestJson("UINT8", [1, 2]));
  for (const [encoding, compress] of [["gzip", gzipSync], ["deflate", deflateSync]] as const) {
    const small = new Uint8Array(compress(text));
    const response = await new TestApp().post(INFER, small, { "content-encoding": encoding });
    assert.deepEqual((await response.json()).outputs[0].data, [1, 2]);
    const bomb = new Uint8Array(compress(" ".repeat(1_000_001)));
    const refused = await new TestApp().post(INFER, bomb, { "content-encoding": encoding });
    assert.equal(refused.status, 413);
    assert.match((await refused.json()).error, /more than 1000000 bytes when decompressed/);
    const damaged = await new TestApp().post(INFER, small.subarray(0, 9), {
      "content-encoding": encoding,
    });
    assert.equal(damaged.status, 400);
    assert.match((await damaged.json()).error, /damaged/);
  }
  const other = await new TestApp().post(INFER, text, { "content-encoding": "br" });
  assert.equal(other.status, 415);
  assert.equal(other.headers.get("accept-encoding"), "gzip, deflate");
  await other.body?.cancel();
});

Deno.test("infer: large answers are compressed for those who accept it", async () => {
  for (
    const [length, accepted, encoding] of [
      [3_000, "gzip", "gzip"],
      [200_000, "br;q=1, *;q=0.5", "gzip"],
      [3_000, "gzip;q=0", null],
      [3_000, "br", null],
      [10, "gzip", null],
    ] as const
  ) {
    const body = requestJson("UINT8", new Array(length).fill(100));
    const response = await new TestApp().post(INFER, body, { "accept-encoding": accepted });
    assert.equal(response.headers.get("content-encoding"), encoding);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(encoding === null ? bytes : gunzipSync(bytes));
    assert.equal(JSON.parse(text).outputs[0].data.length, length);
  }
});

Deno.test("infer: hands on version, priority, deadline and parameters, and tells of the cache", async () => {
  const app = new TestApp();
  const before = performance.now();
  const response = await app.post("/v2/models/cached/versions/7/infer", {
    ...requestJson("FP32", [1]),
    parameters: { priority: 2, timeout: 5_000_000, binary_data_output: false, top: "k", on: true },
  });
  assert.equal(response.headers.get("cache"), "hit");
  assert.equal(
    response.headers.get("server-timing"),
    "queue;dur=0.012, compute;dur=1.2",
  );
  assert.equal((await response.json()).model_version, "7");
  const { version, priority, parameters, outputs } = app.backend.requests[0];
  assert.deepEqual({ version, priority, parameters, outputs }, {
    version: "7",
    priority: 2,
    parameters: { top: "k", on: true },
    outputs: undefined,
  });
  const { deadlineMs = 0 } = app.backend.calls[0];
  assert.ok(deadlineMs >= before + 5_000 && deadlineMs <= performance.now() + 5_000);
});

Deno.test("infer: a timeout ends the wait with 504 and gives the call up", async () => {
  const app = new TestApp();
  const response = await app.post("/v2/models/wait/infer", {
    ...requestJson("FP32", [1]),
    parameters: { timeout: 2_000 },
  });
  assert.equal(response.status, 504);
  assert.match((await response.json()).error, /no answer within the timeout of 2 ms/);
  await app.backend.gaveUp;
  assert.deepEqual(app.observer.errors, []);
});
