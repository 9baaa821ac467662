import { buildPng } from "../../images/png_builder.ts";
import { checkImage } from "../image_check.ts";
import { mutant } from "../mutation.ts";
import type { FuzzTarget } from "../target.ts";

/** A PNG: its pixels, or an error that says why there are none. */
export const png: FuzzTarget = {
  name: "png",
  share: 4,
  generate: (random) => mutant(random, SEEDS),
  run: checkImage,
};

const ramp = (length: number, below: number) => Array.from({ length }, (_, i) => i * i % below);

const SEEDS = [
  buildPng({ width: 9, height: 7, depth: 8, color: 2, samples: ramp(9 * 7 * 3, 256) }),
  buildPng({
    ...{ width: 11, height: 9, depth: 16, color: 6, interlaced: true },
    samples: ramp(11 * 9 * 4, 65_536),
  }),
  buildPng({
    ...{ width: 13, height: 3, depth: 2, color: 3, samples: ramp(13 * 3, 4) },
    ...{ palette: ramp(12, 256), transparency: [0, 128] },
  }),
  buildPng({ width: 17, height: 5, depth: 1, color: 0, samples: ramp(17 * 5, 2) }),
  buildPng({
    ...{ width: 4, height: 4, depth: 8, color: 0, samples: ramp(16, 256) },
    transparency: [0, 9],
  }),
];
