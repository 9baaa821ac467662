import type { RecordedStatistic } from "../inference/backend.ts";
import { RECORDED_NAMES_MAX } from "../limits.ts";

/** Figures that a model records while it runs, by name. */
export class RecordedStatistics {
  readonly #byName = new Map<string, { count: number; sum: number; min: number; max: number }>();

  /**
   * Adds one figure to each name; to none where it throws.
   *
   * @throws {RangeError} when there would be more than RECORDED_NAMES_MAX names
   * @throws {TypeError} when a figure is no finite number
   */
  record(figures: Readonly<Record<string, number>>): void {
    let names = this.#byName.size;
    for (const [name, figure] of Object.entries(figures)) {
      if (!Number.isFinite(figure)) {
        throw new TypeError(
          `Cannot record statistic "${name}": ${String(figure)} is no finite number`,
        );
      }
      if (!this.#byName.has(name)) names++;
    }
    if (names > RECORDED_NAMES_MAX) {
      throw new RangeError(
        `Cannot record statistics of ${names} names: at most ${RECORDED_NAMES_MAX} are kept`,
      );
    }
    for (const [name, figure] of Object.entries(figures)) this.#add(name, figure);
  }

  /** What was recorded so far. */
  snapshot(): Readonly<Record<string, RecordedStatistic>> {
    return Object.fromEntries(
      [...this.#byName].map(([name, statistic]) => [name, { ...statistic }]),
    );
  }

  #add(name: string, figure: number): void {
    const statistic = this.#byName.get(name);
    if (statistic === undefined) {
      this.#byName.set(name, { count: 1, sum: figure, min: figure, max: figure });
      return;
    }
    statistic.count++;
    statistic.sum += figure;
    statistic.min = Math.min(statistic.min, figure);
    statistic.max = Math.max(statistic.max, figure);
  }
}
