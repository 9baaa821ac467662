/**
 * For how long jobs were in line while nothing was run, looked at now and then.
 *
 * An instance that hangs between its batches, in a timer of its model's say, runs nothing that could take too
 * long; nor is it enough to ask for how long a job has been in line, as callers give up. So it is the time of
 * all looks together at which something was in line, until anything is run.
 */
export class StallClock {
  readonly #limitMs: number;
  #stalledMs = 0;
  #beforeMs: number | undefined;
  #executions = -1;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /**
   * @param nowMs when it is looked at
   * @param isStandstill whether something is in line and nothing is run
   * @param executions how often anything was run so far
   * @returns whether it stands still for longer than the limit; then the time begins anew
   */
  look(nowMs: number, isStandstill: boolean, executions: number): boolean {
    const beforeMs = this.#beforeMs;
    this.#beforeMs = isStandstill ? nowMs : undefined;
    if (executions !== this.#executions) this.#stalledMs = 0;
    else if (isStandstill && beforeMs !== undefined) this.#stalledMs += nowMs - beforeMs;
    this.#executions = executions;
    if (this.#stalledMs <= this.#limitMs) return false;
    this.#stalledMs = 0;
    return true;
  }
}
