import { dirname, resolve } from "node:path";
import type { StorePart } from "./store_protocol.ts";
import { hostAndPort, type StoreUrl } from "./store_url.ts";

/** None of any kind. */
const NOTHING = {
  read: false,
  write: false,
  net: false,
  env: false,
  sys: false,
  run: false,
  ffi: false,
  import: false,
} as const satisfies Deno.PermissionOptionsObject;

/**
 * The permissions with which a store's thread is made: SQLite's has its file's folder, where its log stands too,
 * and none but to read it where it only reads; Redis's that server; and none has more.
 */
export function storePermissions(url: StoreUrl, part: StorePart): Deno.PermissionOptionsObject {
  switch (url.kind) {
    case "memory":
      return NOTHING;
    case "sqlite": {
      const folder = dirname(resolve(url.path));
      return { ...NOTHING, read: [folder], write: part === "all" && [folder] };
    }
    case "redis":
      return { ...NOTHING, net: [hostAndPort(url)] };
  }
}
