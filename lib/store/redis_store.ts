import { OperationError } from "../errors.ts";
import type { StoreOptions } from "./store_options.ts";
import type { RedisUrl } from "./store_url.ts";
import type { TextStore } from "./text_store.ts";

export function openRedisStore(
  _url: RedisUrl,
  _options: StoreOptions,
  _now: () => number,
): TextStore {
  throw new OperationError("unavailable", "Cannot open Redis: not built yet");
}
