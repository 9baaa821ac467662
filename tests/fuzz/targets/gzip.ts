import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { gunzip } from "../../../lib/grpc/gzip.ts";
import { Code, GrpcError } from "../../../lib/grpc/status.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

const BYTES_MAX = 4_096;

/** Compressed messages: what comes out is within the limit, or an error says what is wrong. */
export const gzip: FuzzTarget = {
  name: "gzip",
  share: 4,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => gunzip(input, BYTES_MAX), isOurs);
    if ("error" in outcome) return;
    assert.ok(outcome.value.length <= BYTES_MAX);
  },
};

function isOurs(error: unknown): error is GrpcError {
  return error instanceof GrpcError &&
    (error.code === Code.INTERNAL || error.code === Code.RESOURCE_EXHAUSTED);
}

const SEEDS = [
  ...[0, 1, 40, BYTES_MAX, BYTES_MAX + 1].map((length) =>
    Uint8Array.from(gzipSync(Uint8Array.from({ length }, (_, i) => i * i)))
  ),
  Uint8Array.from(gzipSync(new Uint8Array(1 << 20))),
];
