import type { FlagKind } from "./flag_kind.ts";

const NUMBER = /^\d+(\.\d+)?$/;

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

/** An objective such as `p99=2ms`: one of the figures, and a time of the kind `limit`. */
export function objectiveFor<Figure extends string>(
  figures: readonly Figure[],
  limit: FlagKind<number>,
): FlagKind<Objective<Figure>> {
  return {
    expected: `FIGURE=TIME such as p99=2ms, with the figure ${figures.join(", ")}, ` +
      `and ${limit.expected}`,
    parse(text) {
      const equals = text.indexOf("=");
      const figure = figures.find((figure) => figure === text.slice(0, Math.max(equals, 0)));
      const limitMs = limit.parse(text.slice(equals + 1));
      return figure === undefined || limitMs === undefined ? undefined : { figure, limitMs };
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
