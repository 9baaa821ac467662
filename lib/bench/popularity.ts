import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { WeightedDraw } from "./weighted_draw.ts";

/** How often each of some things is chosen. */
export interface PopularityOptions {
  readonly distinct: number;
  /** The exponent s of Zipf's law: thing i, from 1, has a share in proportion to i^−s; 0 is uniform. */
  readonly zipf: number;
}

/**
 * Chooses one of `distinct` things, uniformly or by Zipf's law.
 *
 * Cost: 30 ns uniform, Zipf a binary search more.
 */
export class Popularity {
  readonly #distinct: number;
  readonly #random: RandomGenerator;
  readonly #weighted: WeightedDraw | undefined;

  constructor({ distinct, zipf }: PopularityOptions, random: RandomGenerator) {
    this.#distinct = distinct;
    this.#random = random;
    if (zipf > 0) this.#weighted = new WeightedDraw(zipfWeights(distinct, zipf), random);
  }

  /** The next choice, from 0, the most popular, to `distinct` − 1. */
  next(): number {
    if (this.#distinct === 1) return 0;
    return this.#weighted?.next() ?? uniformInt(this.#random, 0, this.#distinct - 1);
  }
}

/** The weight of each thing, the most popular first. */
function zipfWeights(distinct: number, exponent: number): Float64Array {
  return Float64Array.from({ length: distinct }, (_, i) => (i + 1) ** -exponent);
}
