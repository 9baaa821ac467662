/**
 * The cost of HPACK for one gRPC call; the baseline of each group is its first entry.
 *
 * Run: deno bench tests/http2/hpack/
 */
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { encodeBlock, fieldsOf } from "./octets.ts";

const REQUEST = fieldsOf(
  ":method: POST",
  ":scheme: http",
  ":path: /inference.Inference/Predict",
  ":authority: localhost:8500",
  "te: trailers",
  "content-type: application/grpc",
  "user-agent: grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)",
);
const REQUEST_WITH_TIMEOUT = [...REQUEST, new HeaderField("grpc-timeout", "999m")];
const RESPONSE = fieldsOf(":status: 200", "content-type: application/grpc");
const TRAILERS = fieldsOf("grpc-status: 0");

function benchDecode(name: string, list: HeaderList, options: { warm: boolean }): void {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096, 16_384);
  const first = encodeBlock(encoder, list);
  decoder.decode(first, 0, first.length);
  const block = options.warm ? encodeBlock(encoder, list) : first;
  Deno.bench(`${name}, ${block.length} octets`, { group: "decode" }, () => {
    decoder.decode(block, 0, block.length);
  });
}

benchDecode("request, repeated", REQUEST, { warm: true });

/** Two blocks in turn, so that neither is the last one again: each is decoded in full. */
function benchInTurn(name: string, lists: readonly [HeaderList, HeaderList]): void {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096, 16_384);
  for (const list of lists) {
    const block = encodeBlock(encoder, list);
    decoder.decode(block, 0, block.length);
  }
  const [a, b] = lists.map((list) => encodeBlock(encoder, list));
  Deno.bench(`two of ${name}, in turn`, { group: "decode" }, () => {
    decoder.decode(a, 0, a.length);
    decoder.decode(b, 0, b.length);
  });
}

benchInTurn("request, all fields indexed", [REQUEST, REQUEST.slice(0, -1)]);
benchInTurn("request, grpc-timeout literal", [
  REQUEST_WITH_TIMEOUT,
  [...REQUEST, new HeaderField("grpc-timeout", "998m")],
]);
benchDecode("first request, literals inserted", REQUEST, { warm: false });

{
  const encoder = new HpackEncoder(4096);
  const output = new Uint8Array(4096);
  for (const list of [RESPONSE, TRAILERS]) encoder.encode(list, output, 0);
  Deno.bench("constant response headers and trailers", { group: "encode" }, () => {
    encoder.encode(TRAILERS, output, encoder.encode(RESPONSE, output, 0));
  });
  Deno.bench("trailers made for the call, known fields", { group: "encode" }, () => {
    encoder.encode([TRAILERS[0]], output, 0);
  });
  Deno.bench("trailers with a grpc-message", { group: "encode" }, () => {
    const message = new HeaderField("grpc-message", "Cannot predict: model not found");
    encoder.encode([TRAILERS[0], message], output, 0);
  });
}
