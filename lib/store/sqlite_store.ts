import { OperationError } from "../errors.ts";
import type { StoreOptions } from "./store_options.ts";
import type { TextStore } from "./text_store.ts";

export function openSqliteStore(
  path: string,
  _options: StoreOptions,
  _now: () => number,
): TextStore {
  throw new OperationError("unavailable", `Cannot open sqlite:${path}: not built yet`);
}
