import { Predictor } from "../../lib/serving/predictor.ts";
import { allocateSharedMemory, openSharedState } from "../../lib/serving/shared_state.ts";

const INPUTS = 10;
const ENTRIES = 1024;

const memory = allocateSharedMemory({
  threads: 1,
  cacheEntries: ENTRIES,
  cacheBytes: 2 ** 20,
  coefsMax: INPUTS,
});
const predictor = new Predictor(openSharedState(memory, 1));
predictor.setCoefs(new Float32Array(INPUTS).fill(1));
const inputs = new Float32Array(INPUTS);
for (let entry = 0; entry < ENTRIES; entry++) predictor.predict(inputs.fill(entry));

let turn = 0;
Deno.bench("Predictor.predict(), a hit of 1024 entries", () => {
  if (!predictor.predict(inputs.fill(turn++ & (ENTRIES - 1))).cacheHit) throw new Error("A miss");
});

let miss = ENTRIES;
Deno.bench("Predictor.predict(), a miss that evicts", () => {
  predictor.predict(inputs.fill(miss++ & 0xffffff));
});
