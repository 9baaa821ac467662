/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** The store thread's composition root: the store, and the lines to the serving threads. */

import { openReads, openStore } from "./lib/store/open_store.ts";
import type { StoreCommand, StoreReport } from "./lib/store/store_protocol.ts";
import { StoreServer } from "./lib/store/store_server.ts";
import { hearThreadEnd } from "./lib/supervision/thread_end.ts";

const report = (message: StoreReport) => self.postMessage(message);

let server: StoreServer | undefined;

hearThreadEnd((how) => report({ type: "quit", how }));

self.onmessage = async ({ data: command }: MessageEvent<StoreCommand>) => {
  switch (command.type) {
    case "open":
      try {
        server = new StoreServer(await openPart(command));
        return report({ type: "opened" });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        return report({ type: "openFailed", message });
      }
    case "join":
      return server?.join(command);
    case "close":
      await server?.close();
      return report({ type: "closed" });
  }
};

function openPart({ part, url, options }: Extract<StoreCommand, { type: "open" }>) {
  return part === "reads" ? openReads(url, options) : openStore(url, options);
}
