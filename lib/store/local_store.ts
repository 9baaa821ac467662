import type { Run } from "../invocation/run.ts";
import type { ListedRun, RunPage, RunStore } from "../invocation/run_store.ts";
import { decodeRun, encodeRun } from "./run_text.ts";
import type { TextStore } from "./text_store.ts";

/** Nobody else has to be asked. */
const BEGIN = () => {};

/** A store on the thread that uses it. */
export class LocalStore implements RunStore {
  readonly #store: TextStore;

  constructor(store: TextStore) {
    this.#store = store;
  }

  async save(run: Run): Promise<void> {
    await this.#store.save(encodeRun(run), BEGIN);
  }

  async find(id: number): Promise<Run | undefined> {
    const text = await this.#store.find(id);
    return text && decodeRun(text);
  }

  async delete(id: number): Promise<boolean> {
    return await this.#store.delete(id, BEGIN);
  }

  async list(page: RunPage): Promise<readonly ListedRun[]> {
    return await this.#store.list(page);
  }

  async check(): Promise<void> {
    await this.#store.check();
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
