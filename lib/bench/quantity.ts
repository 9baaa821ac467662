/** Digits that tell runs apart; more would be noise. */
const SIGNIFICANT_DIGITS = 3;

/** Times are measured in nanoseconds: the sixth decimal of a millisecond. */
const DECIMALS_MAX = 6;

/** What a number counts, and so how it is written. */
export type Unit = "calls/s" | "ms" | "share" | "calls" | "bytes";

/**
 * A quantity for people, with its unit: `12,346 calls/s`, `0.0421 ms`, `3.1 %` (of a share of 0.031).
 *
 * @returns `–` for what is no finite number
 */
export function formatQuantity(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return "–";
  if (unit === "share") return `${formatNumber(value * 100)} %`;
  if (unit === "calls" || unit === "bytes") return formatNumber(value);
  return `${formatNumber(value)} ${unit}`;
}

/** At least three significant digits, all of the integer part, no exponent and no needless zeros. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(Math.max(SIGNIFICANT_DIGITS - 1 - magnitude, 0), DECIMALS_MAX);
  return value.toLocaleString("en-US", { maximumFractionDigits: decimals });
}

/** A relative change with its sign: `+12.5 %`. */
export function formatChange(relative: number): string {
  if (!Number.isFinite(relative)) return "–";
  return `${relative > 0 ? "+" : ""}${formatNumber(relative * 100)} %`;
}
