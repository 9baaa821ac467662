/** Digits that tell runs apart; more would be noise. */
const SIGNIFICANT_DIGITS = 3;

/** Times are measured in nanoseconds: the sixth decimal of a millisecond. */
const DECIMALS_MAX = 6;

/** What stands for a number that there is not. */
export const NONE = "–";

/** What a number counts, and so how it is written. */
export type Unit = "calls/s" | "ms" | "share" | "calls" | "bytes";

/**
 * A quantity for people, with its unit: `12 346 calls/s`, `0.0421 ms`, `3.1 %` (of a share of 0.031).
 *
 * @returns `–` for what is no finite number
 */
export function formatQuantity(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return NONE;
  if (unit === "share") return `${formatNumber(value * 100)} %`;
  if (unit === "calls" || unit === "bytes") return formatNumber(value);
  if (unit === "ms") return `${formatMs(value)} ms`;
  return `${formatNumber(value)} ${unit}`;
}

/** At least three significant digits, all of the integer part, no exponent and no needless zeros. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  return grouped(value, { maximumFractionDigits: decimalsOf(value) });
}

/** A number of milliseconds, always with three significant digits or more, so that columns of them align. */
export function formatMs(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  const decimals = decimalsOf(value);
  return grouped(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** With a space between thousands, and a point, whatever the system's language is. */
function grouped(value: number, digits: Intl.NumberFormatOptions): string {
  return value.toLocaleString("en-US", digits).replaceAll(",", " ");
}

function decimalsOf(value: number): number {
  if (value === 0) return 0;
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  return Math.min(Math.max(SIGNIFICANT_DIGITS - 1 - magnitude, 0), DECIMALS_MAX);
}

/** A relative change with its sign: `+12.5 %`. */
export function formatChange(relative: number): string {
  if (!Number.isFinite(relative)) return NONE;
  return `${relative > 0 ? "+" : ""}${formatNumber(relative * 100)} %`;
}
