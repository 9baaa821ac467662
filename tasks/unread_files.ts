import { exists, packageFolder } from "./npm_package.ts";
import type { LockFile } from "./shipped_lock.ts";

/** What /docs serves of swagger-ui-dist, and what Deno reads to find it. */
const SWAGGER_READ = [
  "package.json",
  "swagger-ui-bundle.js",
  "swagger-ui.css",
  "LICENSE",
  "NOTICE",
];

/**
 * Folders of packages that no program reads: sources of what is read, other builds of it, types; and a whole
 * package that counts installations. By package, "" for all of it.
 */
const UNREAD: Readonly<Record<string, readonly string[]>> = {
  "@jsquash/jpeg": ["codec/enc"],
  "@scarf/scarf": [""],
  "@types/node": [""],
  "fast-png": ["src"],
  "fflate": ["lib", "umd"],
  "hono": ["dist/cjs", "dist/types"],
  "iobuffer": ["src"],
  "protobufjs": ["dist"],
  "undici-types": [""],
  "zod": ["src", "v3"],
};

/**
 * The files and folders of packages that a compiled program need not carry, though it imports something of
 * them: each megabyte costs a millisecond and a megabyte at each start.
 *
 * @param npmCache Deno's folder of packages
 * @throws {Error} when a package is not there: nothing has imported it yet
 */
export function unreadFiles(npmCache: string, lock: LockFile): string[] {
  const folderOf = (name: string) => packageFolder(npmCache, name, lockedVersion(lock, name));
  const swagger = folderOf("swagger-ui-dist");
  const others = [...Deno.readDirSync(swagger)].map(({ name }) => name)
    .filter((name) => !SWAGGER_READ.includes(name)).map((name) => `${swagger}/${name}`);
  const unread = Object.entries(UNREAD).flatMap(([name, folders]) =>
    folders.map((folder) => folder === "" ? folderOf(name) : `${folderOf(name)}/${folder}`)
  );
  return [...others, ...unread.filter(exists)];
}

/**
 * The version of a package that is locked once.
 *
 * @throws {Error} when it is not
 */
export function lockedVersion({ npm }: LockFile, name: string): string {
  const versions = Object.keys(npm).filter((key) => key.startsWith(`${name}@`))
    .map((key) => key.slice(name.length + 1).split("_", 1)[0]);
  if (versions.length === 1) return versions[0];
  throw new Error(`Cannot tell the version of ${name}: the lock file has ${versions.length} of it`);
}
