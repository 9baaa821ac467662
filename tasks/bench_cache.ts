/**
 * Compares the cache's eviction policies: hit rates of seeded traces, and the time of a request, on
 * one thread. The hit rates are the same on every machine.
 */

import { CACHE_POLICIES } from "../lib/cache/eviction_policy.ts";
import { replay, traceOf } from "./cache_trace.ts";
import { median, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";

const KEYS = 100_000;
const REQUESTS = 1_000_000;
const ROUNDS = 5;
const SEED = 1;

const TRACES = {
  "zipf 0.8": { zipf: 0.8 },
  "zipf 1.0": { zipf: 1 },
  "zipf 1.0, scans": { zipf: 1, scanEvery: 20_000, scanKeys: 10_000 },
};
const SIZES = [0.01, 0.1];

write(
  `${describeMachine()}; ${KEYS} keys, ${REQUESTS} requests, seed ${SEED}, ` +
    `median time of ${ROUNDS} rounds\n\n`,
);
const columns = CACHE_POLICIES.flatMap((policy) => [`${policy}, hits`, "ns a request"]);
writeRow(["trace", "entries", ...columns]);
writeRow(["---", "--:", ...columns.map(() => "--:")]);
for (const [name, options] of Object.entries(TRACES)) {
  const trace = traceOf({ ...options, keys: KEYS, requests: REQUESTS, seed: SEED });
  for (const size of SIZES) {
    const entries = KEYS * size;
    const rounds = Array.from({ length: ROUNDS }, () => {
      return CACHE_POLICIES.map((policy) => replay(trace, entries, policy));
    });
    const cells = CACHE_POLICIES.flatMap((_, index) => [
      `${(100 * rounds[0][index].hitRate).toFixed(1)} %`,
      median(rounds.map((round) => round[index].nsPerRequest)).toFixed(0),
    ]);
    writeRow([name, `${100 * size} %`, ...cells]);
  }
}

function writeRow(texts: readonly string[]): void {
  write(`| ${texts.join(" | ")} |\n`);
}
