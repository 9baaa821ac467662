import { LocalStore } from "../../lib/store/local_store.ts";
import { MemoryStore } from "../../lib/store/memory_store.ts";
import { mayServe } from "../support/permissions.ts";
import { testContract } from "./contract.ts";
import { openRemote } from "./remote.ts";

let nowMs = Date.now();

testContract("MemoryStore", {
  open: ({ ttlMs, rowsMax } = {}) => {
    const store = new LocalStore(new MemoryStore({ ttlMs, rowsMax }, () => nowMs));
    return Promise.resolve({ store, [Symbol.asyncDispose]: () => store.close() });
  },
  passMs: (ms) => {
    nowMs += ms;
  },
});

testContract("MemoryStore in a thread", {
  open: (options) => openRemote({ kind: "memory" }, options),
}, !mayServe);
