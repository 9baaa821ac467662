import type { GenerationDescriptor } from "../../lib/runtime/generation.ts";
import type { Generation } from "../../lib/supervision/model_supervisor.ts";

/** A generation that has loaded nothing and says what was done with it. */
export class FakeGeneration implements Generation {
  readonly descriptor: GenerationDescriptor;
  readonly fingerprint: string;
  readonly drained: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly forgotten: (readonly [owner: number, thread: number])[] = [];
  state: "serves" | "drains" | "terminated" = "serves";

  constructor(id: number, model: string, version: string, fingerprint: string) {
    this.fingerprint = fingerprint;
    this.descriptor = {
      id,
      model,
      version,
      platform: "fake",
      metadata: { inputs: [], outputs: [] },
      config: {},
      rules: {
        batching: false,
        cacheRound: undefined,
        priorityLevels: 1,
        defaultPriority: 1,
        instances: 1,
      },
      execution: { kind: "inline", definition: undefined as never },
      cache: undefined,
      statistics: new SharedArrayBuffer(0),
      recorded: new SharedArrayBuffer(0),
    };
  }

  check(): void {}

  forgetThread(owner: number, thread: number): void {
    this.forgotten.push([owner, thread]);
  }

  drain(): Promise<void> {
    this.state = "drains";
    return this.drained.promise;
  }

  terminate(): void {
    this.state = "terminated";
    this.drained.resolve();
  }
}
