/**
 * Measures models through the whole server: each section prints a table for the documentation. Names of sections
 * as arguments choose some: overhead, batching, raw, linear, cache, swap.
 *
 * Loads run on the machine of the server and take processors from it, so figures are ratios of what was measured
 * in turn, by the same client.
 */

import { measureBatching } from "./bench_models/batching.ts";
import { measureOverhead } from "./bench_models/overhead.ts";
import { measureCache, measureLinear } from "./bench_models/rates.ts";
import { measureRaw } from "./bench_models/raw.ts";
import { measureSwap } from "./bench_models/swap.ts";
import { describeMachine } from "./machine.ts";
import { write } from "./scale/table.ts";

const SECTIONS: Readonly<Record<string, () => Promise<void>>> = {
  overhead: measureOverhead,
  batching: measureBatching,
  raw: measureRaw,
  linear: measureLinear,
  cache: measureCache,
  swap: measureSwap,
};

const wrong = Deno.args.filter((name) => !Object.hasOwn(SECTIONS, name));
if (wrong.length > 0) {
  throw new Error(`Cannot measure ${wrong}: need some of ${Object.keys(SECTIONS).join(", ")}`);
}
const names = Deno.args.length > 0 ? Deno.args : Object.keys(SECTIONS);
write(`${describeMachine()}; deno task bench:models ${names.join(" ")}\n`);
for (const name of names) await SECTIONS[name]();
