import type { ListedRun, RunPage } from "../invocation/run_store.ts";
import type { RunText } from "./run_text.ts";

/**
 * Called by a store when it begins what cannot be taken back.
 *
 * Throws when the caller has given up: then nothing may be done. Once it has returned, the caller who gives up
 * is told that the outcome is not known.
 */
export type Begin = () => void;

/**
 * What `RunStore` is made of: the same methods with the same errors, for runs as text.
 *
 * Of two calls that change one id, the one that was made first takes effect first.
 */
export interface TextStore {
  save(run: RunText, begin: Begin): Promise<void>;
  find(id: number): Promise<RunText | undefined>;
  delete(id: number, begin: Begin): Promise<boolean>;
  list(page: RunPage): Promise<readonly ListedRun[]>;
  check(): Promise<void>;
  close(): Promise<void>;
}
