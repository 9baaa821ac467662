import assert from "node:assert/strict";
import { Http2Error } from "../../lib/http2/http2_error.ts";
import { FRAME_RULES } from "./server_frame_rules.ts";
import { ACK, frame, headers, join, PREFACE, REQUEST, Type } from "./wire.ts";
import { WiredServer } from "./wired_server.ts";

for (const [subject, rules] of Object.entries(FRAME_RULES)) {
  Deno.test(`a server's verdict on frames: ${subject.toLowerCase()}`, async (t) => {
    for (const { what, frames, verdict } of rules) {
      await t.step(`${what}: ${verdict ?? "taken"}`, async () => {
        await using server = new WiredServer((request) => {
          if (request.stream.id === 3) request.onEnd = () => {};
        });
        await server.greet();
        await server.peer.send(...frames);
        assert.deepEqual(server.peer.verdicts(), verdict === undefined ? [] : [verdict]);
        if (verdict?.startsWith("GOAWAY")) {
          assert.ok(server.peer.ended, "the server ends its side");
          await server.peer.close();
          const error = await server.result;
          assert.ok(error instanceof Http2Error);
          assert.equal(`GOAWAY ${error.code}`, verdict);
        } else {
          await server.peer.send(frame(Type.PING, 0, 0, new TextEncoder().encode("alive ??")));
          assert.deepEqual(server.peer.pongs(), ["alive ??"]);
        }
      });
    }
  });
}

Deno.test("a server's verdict on how a connection begins", async (t) => {
  const text = (text: string) => new TextEncoder().encode(text);
  const beginnings: Record<string, [Uint8Array, string[]]> = {
    "HTTP/1.1": [text("GET / HTTP/1.1\r\n\r\n"), ["GOAWAY 1"]],
    "a preface with its last byte wrong": [join(PREFACE.slice(0, 23), [0]), ["GOAWAY 1"]],
    "HEADERS before SETTINGS": [join(PREFACE, headers(1, REQUEST)), ["GOAWAY 1"]],
    "SETTINGS ACK before SETTINGS": [join(PREFACE, frame(4, ACK, 0)), ["GOAWAY 1"]],
    "a frame too large before SETTINGS": [join(PREFACE, frame(4, 0, 0, 18_000)), ["GOAWAY 6"]],
    "half a preface": [PREFACE.slice(0, 12), []],
    "a preface": [PREFACE, []],
  };
  for (const [what, [bytes, verdicts]] of Object.entries(beginnings)) {
    await t.step(what, async () => {
      await using server = new WiredServer();
      await server.peer.send(bytes);
      assert.deepEqual(server.peer.verdicts(), verdicts);
      if (verdicts.length > 0) assert.equal(server.peer.frames[0].type, Type.SETTINGS);
    });
  }
});
