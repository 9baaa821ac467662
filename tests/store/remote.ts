import type { RunStore } from "../../lib/invocation/run_store.ts";
import { RemoteStore, type RemoteStoreOptions } from "../../lib/store/remote_store.ts";
import { StoreHost, type StoreHostParts, type StoreThread } from "../../lib/store/store_host.ts";
import type { StoreOptions } from "../../lib/store/store_options.ts";
import type { StoreUrl } from "../../lib/store/store_url.ts";

/** What a store is opened with unless a test says otherwise. */
export const STORE_OPTIONS: StoreOptions = {
  sync: "normal",
  ttlMs: undefined,
  rowsMax: undefined,
  timeoutMs: 5_000,
};

/** A store in a thread of its own, and an end of the line to it. */
export interface OpenedRemote extends AsyncDisposable {
  readonly store: RunStore & RemoteStore;
  readonly host: StoreHost;
  /** The threads that were started, the newest last. */
  readonly threads: readonly Worker[];
  /** What the host has said. */
  readonly said: readonly string[];
}

/**
 * Opens one as a server does, and waits until it is open, or could not be: a thread that a test starts may be
 * type-checked first, which takes longer than any call may.
 */
export async function openRemote(
  url: StoreUrl,
  options: Partial<StoreOptions> = {},
  more: Partial<StoreHostParts> & Partial<RemoteStoreOptions> = {},
): Promise<OpenedRemote> {
  const threads: Worker[] = [];
  const said: string[] = [];
  const settled = Promise.withResolvers<void>();
  const whole = { ...STORE_OPTIONS, ...options };
  const host = new StoreHost({
    url,
    options: whole,
    spawn: (permissions) => {
      const worker = spawnStoreThread(permissions);
      threads.push(worker);
      return worker as unknown as StoreThread;
    },
    onOpened: (store) => {
      said.push(`${store} is open`);
      settled.resolve();
    },
    onDown: (store, reason) => {
      said.push(`${store} is down: ${reason}`);
      settled.resolve();
    },
    ...more,
  });
  const store = new RemoteStore({ timeoutMs: whole.timeoutMs, need: () => host.need(), ...more });
  host.join((news) => store.hear(news));
  host.need();
  await settled.promise;
  return {
    store,
    host,
    threads,
    said,
    async [Symbol.asyncDispose]() {
      await store.close();
      await host.close();
    },
  };
}

export function spawnStoreThread(permissions: Deno.PermissionOptionsObject): Worker {
  return new Worker(new URL("../../store_thread.ts", import.meta.url), {
    type: "module",
    deno: { permissions },
  });
}
