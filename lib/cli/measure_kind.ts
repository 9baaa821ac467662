import type { FlagKind } from "./flag_kind.ts";

const UNIT_MS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3, m: 6e4 };

const NUMBER = /^\d+(\.\d+)?$/;

/** A decimal number with the unit us, ms, s or m, in milliseconds; from `minMs` to `maxMs`, both included. */
export function durationFrom(minMs: number, maxMs: number): FlagKind<number> {
  return {
    expected: `a time from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, ` +
      "as a number with us, ms, s or m",
    parse(text) {
      const durationMs = parseDuration(text);
      const fits = durationMs !== undefined && durationMs >= minMs && durationMs <= maxMs;
      return fits ? durationMs : undefined;
    },
  };
}

/** A share, written as a decimal number of percent with the sign: `5%` is 0.05. */
export const PERCENT: FlagKind<number> = {
  expected: "a percentage such as 5%",
  parse(text) {
    const [, digits] = /^(.+)%$/.exec(text) ?? [];
    return digits !== undefined && NUMBER.test(digits) ? Number(digits) / 100 : undefined;
  },
};

/** A figure of latency, and what it may be at most. */
export interface Objective<Figure extends string> {
  readonly figure: Figure;
  readonly limitMs: number;
}

/** An objective such as `p99=2ms`. */
export function objectiveFor<Figure extends string>(
  figures: readonly Figure[],
): FlagKind<Objective<Figure>> {
  return {
    expected: `FIGURE=TIME such as p99=2ms, with the figure ${figures.join(", ")}`,
    parse(text) {
      const [, name, time] = /^([^=]*)=(.*)$/.exec(text) ?? [];
      const figure = figures.find((figure) => figure === name);
      const limitMs = parseDuration(time ?? "");
      return figure === undefined || !limitMs ? undefined : { figure, limitMs };
    },
  };
}

/** Ascending integers from `min` to `max` with commas between them, `countMax` at most: `1,2,4,8`. */
export function ascendingIntegers(
  min: number,
  max: number,
  countMax: number,
): FlagKind<readonly number[]> {
  return {
    expected: `up to ${countMax} ascending integers from ${min} to ${max} such as 1,2,4`,
    parse(text) {
      const parts = text.split(",", countMax + 1);
      const numbers = parts.map((part) => /^\d+$/.test(part) ? Number(part) : NaN);
      const fits = numbers.length <= countMax &&
        numbers.every((number, index) =>
          number >= (index === 0 ? min : numbers[index - 1] + 1) && number <= max
        );
      return fits ? numbers : undefined;
    },
  };
}

function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return digits !== undefined && NUMBER.test(digits) ? Number(digits) * UNIT_MS[unit] : undefined;
}

/** `90000` as `90s`: in the largest unit that gives an integer. */
function formatDuration(durationMs: number): string {
  const unit =
    ["m", "s", "ms"].find((name) =>
      durationMs >= UNIT_MS[name] && Number.isInteger(durationMs / UNIT_MS[name])
    ) ?? "us";
  return `${durationMs / UNIT_MS[unit]}${unit}`;
}
