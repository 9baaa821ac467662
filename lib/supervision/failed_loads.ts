import type { ErrorCode, OperationError } from "../errors.ts";
import { MODEL_RETRY_MS, MODEL_RETRY_MS_MAX } from "../limits.ts";
import type { ModelPlan, VersionPlan } from "../repository/model_plan.ts";

/** A version that could not be loaded, as it was then. */
interface FailedLoad {
  readonly fingerprint: string;
  readonly error: OperationError;
  /** How long after the next failure it is tried again. */
  readonly nextMs: number;
  /** Whether its time has come. */
  isDue: boolean;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** What says that the version's own files are wrong: no time mends those. */
const LASTING: readonly ErrorCode[] = ["invalid-argument", "not-found"];

/**
 * Versions that could not be loaded, and when they are tried again.
 *
 * What is wrong with a file stays wrong until it is another file. Anything else may pass, a lack of memory
 * or a thread that died say, and so may whatever a script does as it loads: it is tried again after
 * MODEL_RETRY_MS, then after twice as long each time, up to MODEL_RETRY_MS_MAX. In between it is
 * not tried for what changes in other versions.
 */
export class FailedLoads {
  readonly #onDue: (model: string) => void;
  /** By model and version; there are as many as are planned. */
  readonly #failed = new Map<string, FailedLoad>();

  /** @param onDue told when a version of the model should be tried again */
  constructor(onDue: (model: string) => void) {
    this.#onDue = onDue;
  }

  /** Why the version, which has not changed since, need not be tried now; undefined if it should be. */
  find(model: ModelPlan, version: VersionPlan): OperationError | undefined {
    const failed = this.#failed.get(keyOf(model, version));
    if (failed === undefined || failed.isDue) return undefined;
    return failed.fingerprint === version.fingerprint ? failed.error : undefined;
  }

  add(model: ModelPlan, version: VersionPlan, error: OperationError): void {
    const key = keyOf(model, version);
    const before = this.#failed.get(key);
    clearTimeout(before?.timer);
    const isSame = before?.fingerprint === version.fingerprint;
    const waitMs = isSame ? before.nextMs : MODEL_RETRY_MS;
    const mayPass = model.config.platform === "script" || !LASTING.includes(error.code);
    const failed: FailedLoad = {
      fingerprint: version.fingerprint,
      error,
      nextMs: Math.min(2 * waitMs, MODEL_RETRY_MS_MAX),
      isDue: false,
      timer: mayPass
        ? setTimeout(() => {
          failed.isDue = true;
          this.#onDue(model.name);
        }, waitMs)
        : undefined,
    };
    this.#failed.set(key, failed);
  }

  /** The version has loaded. */
  remove(model: ModelPlan, version: VersionPlan): void {
    this.#delete(keyOf(model, version));
  }

  /** Forgets all versions of a model: nobody wants them. */
  forget(model: string): void {
    for (const key of this.#failed.keys()) if (key.startsWith(`${model}/`)) this.#delete(key);
  }

  /** Forgets all versions but those that are planned. */
  retain(planned: readonly ModelPlan[]): void {
    const keys = new Set(
      planned.flatMap((model) => model.versions.map((version) => keyOf(model, version))),
    );
    for (const key of this.#failed.keys()) if (!keys.has(key)) this.#delete(key);
  }

  #delete(key: string): void {
    clearTimeout(this.#failed.get(key)?.timer);
    this.#failed.delete(key);
  }
}

function keyOf({ name }: ModelPlan, { version }: VersionPlan): string {
  return `${name}/${version}`;
}
