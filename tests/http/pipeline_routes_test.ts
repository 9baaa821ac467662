import assert from "node:assert/strict";
import { type ErrorCode, OperationError } from "../../lib/errors.ts";
import { BodyBudget } from "../../lib/http/body_budget.ts";
import { PIPELINE_UPLOAD_BYTES_MAX } from "../../lib/limits.ts";
import { BearerAuth, digestOf } from "../../lib/security/bearer_auth.ts";
import { RawClient } from "./raw_client.ts";
import { mayUseNet, TestApp, TestHttpServer } from "./test_http.ts";

const NN_ID = "0d3c5dffa4374c77a554ed38c9c50296";
const OCTETS = "application/octet-stream";

type Parts = Readonly<Record<string, string | File>>;

function file(text: string, type = OCTETS): File {
  return new File([text], "weights.b64", { type });
}

function put(app: TestApp, parts: Parts | BodyInit | undefined, headers = {}): Promise<Response> {
  const isParts = typeof parts === "object" && Object.getPrototypeOf(parts) === Object.prototype;
  const form = new FormData();
  if (isParts) { for (const [name, value] of Object.entries(parts)) form.append(name, value); }
  const body = isParts ? form : parts as BodyInit | undefined;
  return app.get("/set_weights", { method: "PUT", headers, body: body ?? null });
}

/** What an upload may lack, and what is said of it; each breaks what later checks look for, too. */
const UPLOADS: readonly (readonly [parts: Parts, text: string])[] = [
  [{}, "NN id is required"],
  [{ nn_id: "" }, "NN id is required"],
  [{ data: file("QUJD") }, "NN id is required"],
  [{ nn_id: file(NN_ID) }, "NN id should be a string"],
  [{ nn_id: "x", data: "x" }, "NN id should contain a lower case UUID string"],
  [{ nn_id: NN_ID.toUpperCase() }, "NN id should contain a lower case UUID string"],
  [{ nn_id: NN_ID + "0" }, "NN id should contain a lower case UUID string"],
  [{ nn_id: `${NN_ID}\n` }, "NN id should contain a lower case UUID string"],
  [
    { nn_id: "0d3c5dff-a437-4c77-a554-ed38c9c50296" },
    "NN id should contain a lower case UUID string",
  ],
  [{ nn_id: NN_ID }, "weights data is required"],
  [{ nn_id: NN_ID, data: "QUJD" }, "weights data should be a file"],
  [{ nn_id: NN_ID, data: file("!", "text/plain") }, "weights data should be a binary file"],
  [{ nn_id: NN_ID, data: file("not base64") }, "weights data has wrong format"],
  [{ nn_id: NN_ID, data: file("") }, "weights data has wrong format"],
  [{ nn_id: NN_ID, data: file("QUJ") }, "weights data has wrong format"],
  [{ nn_id: NN_ID, data: file("QUJD\nQUJD") }, "weights data has wrong format"],
];

Deno.test("PUT /set_weights checks the form in the order of the specification", async (t) => {
  for (const [parts, text] of UPLOADS) {
    await t.step(`${Object.keys(parts)}: ${text}`, async () => {
      const app = new TestApp();
      const response = await put(app, parts);
      assert.equal(response.status, 400);
      assert.equal(await response.text(), text);
      assert.match(response.headers.get("content-type") ?? "", /^text\/plain/);
      assert.deepEqual(app.workers.uploads, []);
    });
  }
});

Deno.test("PUT /set_weights without a body asks for the id, of another type for a form", async () => {
  const none = await put(new TestApp(), undefined);
  assert.deepEqual([none.status, await none.text()], [400, "NN id is required"]);
  for (const type of ["application/json", "application/x-www-form-urlencoded", "multipart/mixed"]) {
    const response = await put(new TestApp(), "{}", { "content-type": type });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /^Cannot read the form: its content-type is /);
  }
});

Deno.test("PUT /set_weights hands on what the base64 stands for, whatever the order of the parts", async () => {
  const upload = { data: file("QUJD\r\n"), other: "x", nn_id: NN_ID };
  const app = new TestApp();
  const response = await put(app, upload);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    status: true,
    message: "OK",
    workers_count: 1,
    workers: [{ result: true }],
  });
  assert.deepEqual(app.workers.uploads, [{ nnId: NN_ID, weights: Uint8Array.of(65, 66, 67) }]);
});

Deno.test("PUT /set_weights says which workers failed, and why", async () => {
  const app = new TestApp();
  app.workers.loads = () => [{ loaded: true }, { loaded: false, trace: "Cannot load “it”" }];
  const response = await put(app, { nn_id: NN_ID, data: file("QUJD") });
  assert.equal(response.status, 200);
  const trace = new TextEncoder().encode("Cannot load “it”").toBase64();
  assert.deepEqual(await response.json(), {
    status: false,
    message: "One or more workers were failed with weights loading",
    workers_count: 2,
    workers: [{ result: true }, { result: false, trace }],
  });
});

const BUSY = { status: false, message: "Server is busy" };

Deno.test("PUT /set_weights: nobody there, too many uploads, a bug", async () => {
  const app = new TestApp();
  const failing = async (error: Error) => {
    app.workers.loads = () => {
      throw error;
    };
    const response = await put(app, { nn_id: NN_ID, data: file("QUJD") });
    return [response.status, await response.json()];
  };
  assert.deepEqual(await failing(new OperationError("unavailable", "Nobody")), [
    503,
    { status: false, message: "Nobody", workers_count: 0, workers: [] },
  ]);
  assert.deepEqual(await failing(new OperationError("resource-exhausted", "Many")), [503, BUSY]);
  assert.deepEqual(await failing(new TypeError("secret")), [500, { error: "the handler failed" }]);
});

Deno.test("PUT /set_weights refuses what is too large, compressed or not", async () => {
  const data = file("A".repeat(PIPELINE_UPLOAD_BYTES_MAX));
  const plain = await put(new TestApp({ budget: new BodyBudget(1e7) }), { nn_id: NN_ID, data });
  assert.equal(plain.status, 413);
  assert.match(await plain.text(), /at most 1048576 are accepted/);
  const zeros = new Blob([new Uint8Array(PIPELINE_UPLOAD_BYTES_MAX + 1)]).stream();
  const bomb = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).bytes();
  const headers = { "content-type": "multipart/form-data; boundary=b", "content-encoding": "gzip" };
  const compressed = await put(new TestApp({ budget: new BodyBudget(1e7) }), bomb, headers);
  assert.equal(compressed.status, 413);
  assert.match(await compressed.text(), /when decompressed/);
});

/** Bodies of predictions that are none, and what is said of them. */
const BODIES: readonly (readonly [body: string | Uint8Array<ArrayBuffer>, text: string])[] = [
  ["", "cannot parse request body"],
  ["{", "cannot parse request body"],
  ["vector=1", "cannot parse request body"],
  [Uint8Array.of(0x22, 0xff, 0x22), "cannot parse request body"],
  ["{}", "vector or data is required"],
  ["[0.3, 0.7]", "vector or data is required"],
  ["null", "vector or data is required"],
  ["5", "vector or data is required"],
  ['"vector"', "vector or data is required"],
  ['{"vector": null}', "vector or data is required"],
  ['{"Vector": [1, 2]}', "vector or data is required"],
];

Deno.test("POST /predict checks the body in the order of the specification", async (t) => {
  for (const [body, text] of BODIES) {
    await t.step(`${body}`, async () => {
      const app = new TestApp();
      const response = await app.post("/predict", body);
      assert.equal(response.status, 400);
      assert.equal(await response.text(), text);
      assert.deepEqual(app.workers.vectors, []);
    });
  }
});

Deno.test("POST /predict answers with the network's id and the float32 as it is", async () => {
  const app = new TestApp();
  const answer = { status: true, message: NN_ID, result: 1.0000178813934326 };
  for (const headers of [{}, { "content-type": "application/x-www-form-urlencoded" }]) {
    const response = await app.post("/predict", '{"vector": [0.446, 0.554]}', headers);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), answer);
  }
  const vector = [0.446, 0.554].map(Math.fround);
  assert.deepEqual(app.workers.vectors, [vector, vector]);
  assert.deepEqual(await (await app.post("/predict", { data: [1, 2] })).json(), answer);
});

Deno.test("POST /predict says which of the vector is no float32, and what it is", async () => {
  const found = {
    "1e400": "Infinity",
    "-1e400": "-Infinity",
    "1e39": "1e+39",
    "null": "null",
    '"a"': '"a"',
  };
  for (const [text, shown] of Object.entries({ ...found, "[1]": "an array", "true": "true" })) {
    const response = await new TestApp().post("/predict", `{"vector": [1, ${text}]}`);
    const { status, message } = await response.json();
    assert.equal(status, false);
    assert.equal(
      new TextDecoder().decode(Uint8Array.fromBase64(message)),
      `Cannot predict: vector[1] is ${shown}, needs to be a float32`,
    );
  }
});

Deno.test("POST /predict tells what failed, and apart from it what nobody tried", async (t) => {
  const trace = new TextEncoder().encode("The words").toBase64();
  const failed = { status: false, message: trace, result: 0 };
  const unavailable = { status: false, message: "The words" };
  const cases: Readonly<Record<ErrorCode, readonly [status: number, body: object]>> = {
    "invalid-argument": [200, failed],
    "internal": [200, failed],
    "not-found": [200, failed],
    "out-of-range": [200, failed],
    "failed-precondition": [200, { ...unavailable, result: 0 }],
    "unavailable": [503, unavailable],
    "deadline-exceeded": [503, unavailable],
    "resource-exhausted": [503, BUSY],
  };
  for (const [code, [status, body]] of Object.entries(cases)) {
    await t.step(code, async () => {
      const app = new TestApp();
      app.workers.prediction = () => {
        throw new OperationError(code as ErrorCode, "The words");
      };
      const response = await app.post("/predict", { vector: [1, 2] });
      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), body);
      assert.equal(response.headers.has("retry-after"), status === 503);
    });
  }
});

Deno.test("POST /predict waits for a bounded time, and no longer than its client", async () => {
  const app = new TestApp();
  let deadlineMs: number | undefined;
  const stop = new AbortController();
  app.workers.prediction = (call) => {
    deadlineMs = call.deadlineMs;
    stop.abort();
    return Promise.reject(call.signal.reason);
  };
  const body = JSON.stringify({ vector: [1, 2] });
  const response = await app.get("/predict", { method: "POST", body, signal: stop.signal });
  assert.equal(response.status, 499);
  assert.ok(deadlineMs !== undefined && deadlineMs > performance.now());
});

Deno.test("the Pipeline's routes say that the server is busy in its own words", async () => {
  for (const options of [{ requestsMax: 0 }, { budget: new BodyBudget(0) }]) {
    const app = new TestApp(options);
    const predicted = await app.post("/predict", { vector: [1, 2] });
    assert.deepEqual([predicted.status, await predicted.json()], [503, BUSY]);
    const uploaded = await put(app, { nn_id: NN_ID, data: file("QUJD") });
    assert.deepEqual([uploaded.status, await uploaded.json()], [503, BUSY]);
  }
});

Deno.test("GET /status tells of the queue and of each worker", async () => {
  const app = new TestApp();
  app.workers.told = {
    queued: 2,
    queueMax: 3,
    handlingMs: 14.484,
    workers: [
      {
        addresses: ["192.168.1.133"],
        nnId: NN_ID,
        handlingMs: 11.356,
        inferenceMs: 11.1960001,
        handled: 1,
      },
      {
        addresses: ["::1", "127.0.0.1"],
        nnId: undefined,
        handlingMs: 0,
        inferenceMs: 0,
        handled: 0,
      },
    ],
  };
  const response = await app.get("/status");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    status: true,
    message: "OK",
    queue_requests_current: 2,
    queue_requests_max: 3,
    req_handling_time_avg_ms: 14.484,
    workers_count: 2,
    workers: [
      {
        address: ["192.168.1.133"],
        nn_id: NN_ID,
        req_handling_time_avg_ms: 11.356,
        count_requests_handled: 1,
        inference_time_avg_ms: 11.196,
      },
      {
        address: ["::1", "127.0.0.1"],
        nn_id: "",
        req_handling_time_avg_ms: 0,
        count_requests_handled: 0,
        inference_time_avg_ms: 0,
      },
    ],
  });
});

const FORM = `--b\r\nContent-Disposition: form-data; name="nn_id"\r\n\r\n${NN_ID}\r\n--b\r\n` +
  `Content-Disposition: form-data; name="data"; filename="x"\r\nContent-Type: ${OCTETS}\r\n\r\n` +
  "QUJD\r\n--b--\r\n";

function head(fields: string): string {
  return "PUT /set_weights HTTP/1.1\r\nhost: test\r\n" +
    `content-type: multipart/form-data; boundary=b\r\n${fields}\r\n\r\n`;
}

Deno.test(
  { name: "PUT /set_weights takes an upload byte by byte", ignore: !mayUseNet },
  async () => {
    await using test = new TestHttpServer();
    using client = await RawClient.connect(test.server.port);
    await client.write(head("transfer-encoding: chunked"));
    for (const character of FORM) await client.write(`1\r\n${character}\r\n`);
    await client.write("0\r\n\r\n");
    assert.match(await client.readUntil(/\]\}/), /^HTTP\/1.1 200 .*"workers_count":1/s);
    assert.deepEqual(test.workers.uploads, [{ nnId: NN_ID, weights: Uint8Array.of(65, 66, 67) }]);
  },
);

Deno.test(
  {
    name: "PUT /set_weights refuses an upload that is too large while it comes",
    ignore: !mayUseNet,
  },
  async () => {
    await using test = new TestHttpServer();
    using announced = await RawClient.connect(test.server.port);
    await announced.write(head(`content-length: ${PIPELINE_UPLOAD_BYTES_MAX + 1}`));
    assert.match(await announced.readUntil(/accepted/), /^HTTP\/1.1 413 .*1048577 bytes/s);
    using chunked = await RawClient.connect(test.server.port);
    const chunk = "x".repeat(65_536);
    await chunked.write(head("transfer-encoding: chunked"));
    for (let sent = 0; sent <= PIPELINE_UPLOAD_BYTES_MAX; sent += chunk.length) {
      await chunked.write(`10000\r\n${chunk}\r\n`);
    }
    assert.match(await chunked.readUntil(/accepted/), /^HTTP\/1.1 413 .*more than 1048576/s);
    assert.deepEqual(test.workers.uploads, []);
  },
);

Deno.test(
  {
    name: "PUT /set_weights gives up an upload that stops, or whose client goes",
    ignore: !mayUseNet,
  },
  async () => {
    await using test = new TestHttpServer({ receiveMs: 50 });
    using stopped = await RawClient.connect(test.server.port);
    await stopped.write(head(`content-length: ${FORM.length}`) + FORM.slice(0, -1));
    assert.match(await stopped.readUntil(/ms$/), /^HTTP\/1.1 408 .*within 50 ms/s);
    {
      using gone = await RawClient.connect(test.server.port);
      await gone.write(head("transfer-encoding: chunked") + "5\r\n--b\r\n\r\n");
    }
    using next = await RawClient.connect(test.server.port);
    await next.write("GET /status HTTP/1.1\r\nhost: test\r\n\r\n");
    await next.readUntil(/"workers":\[\]/);
    assert.deepEqual(test.observer.errors, []);
    assert.deepEqual(test.workers.uploads, []);
  },
);

Deno.test("PUT /set_weights is for admins where there are some, predictions for all callers", async () => {
  const [caller, admin] = ["callers-token-0123", "admins-token-0123"];
  const app = new TestApp();
  app.app.authenticator = new BearerAuth({
    callers: [digestOf(caller)],
    admins: [digestOf(admin)],
  });
  const statuses: number[] = [];
  for (const token of [caller, admin]) {
    const headers = { authorization: `Bearer ${token}` };
    const uploaded = await put(app, { nn_id: NN_ID, data: file("QUJD") }, headers);
    const predicted = await app.post("/predict", { vector: [1, 2] }, headers);
    statuses.push(uploaded.status, predicted.status);
  }
  assert.deepEqual(statuses, [403, 200, 200, 200]);
});
