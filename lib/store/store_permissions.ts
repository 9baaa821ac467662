import { dirname, resolve } from "node:path";
import { NO_PERMISSIONS } from "../no_permissions.ts";
import type { StorePart } from "./store_protocol.ts";
import { hostAndPort, type StoreUrl } from "./store_url.ts";

/**
 * The permissions with which a store's thread is made: SQLite's has its file's folder, where its log stands too,
 * and none but to read it where it only reads; Redis's that server; and none has more.
 */
export function storePermissions(url: StoreUrl, part: StorePart): Deno.PermissionOptionsObject {
  switch (url.kind) {
    case "memory":
      return NO_PERMISSIONS;
    case "sqlite": {
      const folder = dirname(resolve(url.path));
      return { ...NO_PERMISSIONS, read: [folder], write: part === "all" && [folder] };
    }
    case "redis":
      return { ...NO_PERMISSIONS, net: [hostAndPort(url)] };
  }
}
