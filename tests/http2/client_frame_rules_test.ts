import assert from "node:assert/strict";
import { Http2Error } from "../../lib/http2/http2_error.ts";
import {
  ACK,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  join,
  literalBlock,
  REQUEST,
  reset,
  RESPONSE,
  settings,
  Type,
  uint32,
  windowUpdate,
} from "./wire.ts";
import { WiredClient } from "./wired_client.ts";

const WHOLE = END_HEADERS | END_STREAM;
const LARGE = literalBlock([["big", "v".repeat(16_350)]]);

/** What a server sends on stream 1, whose request is whole: the verdict and what the handler hears. */
const RULES: Record<string, [frames: Uint8Array[], verdict: string | undefined, events: string[]]> =
  {
    "HEADERS on an even stream": [[headers(2, RESPONSE)], "GOAWAY 1", ["reset connection 8"]],
    "HEADERS on an idle stream": [[headers(3, RESPONSE)], "GOAWAY 1", ["reset connection 8"]],
    "a too large header list on an idle stream": [
      [headers(3, LARGE)],
      "GOAWAY 1",
      ["reset connection 8"],
    ],
    "DATA on an idle stream": [[data(3, 1)], "GOAWAY 1", ["reset connection 8"]],
    "RST_STREAM on an idle stream": [[reset(3, 8)], "GOAWAY 1", ["reset connection 8"]],
    "WINDOW_UPDATE on an idle stream": [
      [windowUpdate(3, 1)],
      "GOAWAY 1",
      ["reset connection 8"],
    ],
    "PUSH_PROMISE": [
      [frame(Type.PUSH_PROMISE, END_HEADERS, 1, join(uint32(2), REQUEST))],
      "GOAWAY 1",
      ["reset connection 8"],
    ],
    "ENABLE_PUSH 1": [[settings([2, 1])], "GOAWAY 1", ["reset connection 8"]],
    "ENABLE_PUSH 0": [[settings([2, 0])], undefined, []],
    "DATA before HEADERS": [[data(1, 1)], "RST_STREAM 1 of 1", ["reset stream 1"]],
    "a malformed response": [[headers(1, REQUEST)], "RST_STREAM 1 of 1", ["reset stream 1"]],
    "a too large header list": [[headers(1, LARGE)], "RST_STREAM 11 of 1", ["reset stream 11"]],
    "an interim response at the end": [
      [headers(1, literalBlock([[":status", "100"]]), WHOLE)],
      "RST_STREAM 1 of 1",
      ["reset stream 1"],
    ],
    "less body than content-length": [
      [headers(1, join(RESPONSE, literalBlock([["content-length", "3"]]))), data(1, 2, END_STREAM)],
      "RST_STREAM 1 of 1",
      ["head 200", "reset stream 1"],
    ],
    "a second head instead of trailers": [
      [headers(1, RESPONSE), headers(1, RESPONSE)],
      "RST_STREAM 1 of 1",
      ["head 200", "reset stream 1"],
    ],
    "HEADERS after the end": [
      [headers(1, RESPONSE, WHOLE), headers(1, RESPONSE, WHOLE)],
      "GOAWAY 5",
      ["head 200, end"],
    ],
    "DATA after the end": [
      [headers(1, RESPONSE, WHOLE), data(1, 1)],
      "RST_STREAM 5 of 1",
      ["head 200, end"],
    ],
  };

Deno.test("a client's verdict on frames", async (t) => {
  for (const [what, [frames, verdict, events]] of Object.entries(RULES)) {
    await t.step(`${what}: ${verdict ?? "taken"}`, async () => {
      await using client = new WiredClient();
      await client.greet();
      const { response } = client.request({ whole: true });
      await client.peer.send(...frames);
      assert.deepEqual(client.peer.verdicts(), verdict === undefined ? [] : [verdict]);
      assert.deepEqual(response.events, events);
      if (!verdict?.startsWith("GOAWAY")) return;
      assert.equal(new DataView(client.peer.take(Type.GOAWAY)[0].payload.buffer).getUint32(0), 0);
      await client.peer.close();
      assert.ok(await client.result instanceof Http2Error);
    });
  }
});

Deno.test("a client wants SETTINGS first", async (t) => {
  const beginnings = {
    "another frame": frame(Type.PING, 0, 0, 8),
    "SETTINGS ACK": frame(Type.SETTINGS, ACK, 0),
  };
  for (const [what, bytes] of Object.entries(beginnings)) {
    await t.step(what, async () => {
      await using client = new WiredClient();
      await client.peer.send(bytes);
      assert.deepEqual(client.peer.verdicts(), ["GOAWAY 1"]);
    });
  }
  await t.step("HTTP/1.1", async () => {
    await using client = new WiredClient();
    await client.peer.send(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert.deepEqual(client.peer.verdicts(), ["GOAWAY 6"]);
  });
});
