import { normalTail } from "./mann_whitney.ts";

/** So many of so many. */
export interface Proportion {
  readonly count: number;
  readonly total: number;
}

/**
 * How likely two samples with the same share of some kind differ as much in it, or more; two-sided, by the
 * normal approximation with the pooled share and Yates' correction, so that a handful is not enough.
 *
 * Source: Fleiss, "Statistical Methods for Rates and Proportions" (2nd edition), §2.
 *
 * @returns 1 if a sample is empty or the shares are equal
 */
export function proportionsP(a: Proportion, b: Proportion): number {
  if (a.total === 0 || b.total === 0) return 1;
  const pooled = (a.count + b.count) / (a.total + b.total);
  const weight = 1 / a.total + 1 / b.total;
  const variance = pooled * (1 - pooled) * weight;
  if (!(variance > 0)) return 1;
  const difference = Math.abs(a.count / a.total - b.count / b.total);
  const distance = Math.max(0, difference - weight / 2);
  return Math.min(1, 2 * normalTail(distance / Math.sqrt(variance)));
}
