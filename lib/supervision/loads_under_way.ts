import type { VersionPlan } from "../repository/model_plan.ts";

/** A load that is under way or in line. */
interface Load {
  readonly model: string;
  /** Undefined for a load of whatever the folder will have by then. */
  readonly version: VersionPlan | undefined;
  readonly controller: AbortController;
}

/** A load's own end of it. */
export interface LoadUnderWay extends Disposable {
  /** Aborts when the load is given up, with the reason for whoever waits for it. */
  readonly signal: AbortSignal;
}

/** The loads that are under way or in line, and how they are given up. */
export class LoadsUnderWay {
  readonly #loads = new Set<Load>();
  #closedFor: unknown;

  /** Enters a load until it is disposed of; one that comes after `close` is given up at once. */
  begin(model: string, version: VersionPlan | undefined): LoadUnderWay {
    const controller = new AbortController();
    const load = { model, version, controller };
    this.#loads.add(load);
    if (this.#closedFor !== undefined) controller.abort(this.#closedFor);
    return { signal: controller.signal, [Symbol.dispose]: () => void this.#loads.delete(load) };
  }

  /** Whether there is any of a model. */
  has(model: string): boolean {
    return [...this.#loads].some((load) => load.model === model);
  }

  /** Gives up all loads of a model; tells whether there were any. */
  giveUp(model: string, reason: Error): boolean {
    const loads = [...this.#loads].filter((load) => load.model === model);
    for (const { controller } of loads) controller.abort(reason);
    return loads.length > 0;
  }

  /** Gives up what loads of a model and is none of these versions as they are planned now. */
  giveUpOutdated(model: string, planned: readonly VersionPlan[], reason: Error): void {
    for (const { model: name, version, controller } of this.#loads) {
      if (name !== model || version === undefined) continue;
      if (!planned.some((other) => isSame(version, other))) controller.abort(reason);
    }
  }

  /** Gives up all, and all that will come. */
  close(reason: Error): void {
    this.#closedFor = reason;
    for (const { controller } of this.#loads) controller.abort(reason);
  }
}

function isSame(a: VersionPlan, b: VersionPlan): boolean {
  return a.version === b.version && a.fingerprint === b.fingerprint;
}
