import { LocalStore } from "../../lib/store/local_store.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { testContract } from "./contract.ts";
import { openRemote, STORE_OPTIONS } from "./remote.ts";

let nowMs = Date.now();

testContract("SqliteStore", {
  open: async (options = {}) => {
    const folder = await Deno.makeTempDir();
    const whole = { ...STORE_OPTIONS, ...options };
    const store = new LocalStore(openSqliteStore(`${folder}/runs.sqlite`, whole, () => nowMs));
    return {
      store,
      async [Symbol.asyncDispose]() {
        await store.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
  passMs: (ms) => {
    nowMs += ms;
  },
}, !mayLoadModels);

for (const sync of ["full", "normal"] as const) {
  testContract(`SqliteStore in a thread, sync ${sync}`, {
    open: async (options) => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/made/when/needed/runs.sqlite`;
      const remote = await openRemote({ kind: "sqlite", path }, { ...options, sync });
      return {
        store: remote.store,
        async [Symbol.asyncDispose]() {
          await remote[Symbol.asyncDispose]();
          await Deno.remove(folder, { recursive: true });
        },
      };
    },
  }, !mayLoadModels);
}
