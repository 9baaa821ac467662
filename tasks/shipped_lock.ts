/** What this file reads of Deno's lock file, version 5. */
export interface LockFile {
  readonly version: string;
  /** From `npm:name@wanted` to the version, which may have peers behind a `_`. */
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly integrity?: string;
  /** Each a name, or a name and a version where there are several. */
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly optionalPeers?: readonly string[];
}

/**
 * The lock file without packages that only tests and tasks import, and what only those depend on.
 *
 * `deno compile` puts every package of its lock file into the binary, imported or not. With `--frozen` it
 * fails if one is missing that is imported.
 *
 * @param unshipped names of packages
 * @throws {Error} if a dependency is not in the lock file, as in one of another version
 */
export function shippedLock<Lock extends LockFile>(lock: Lock, unshipped: readonly string[]): Lock {
  const specifiers = Object.entries(lock.specifiers).filter(([specifier]) =>
    !unshipped.some((name) => specifier.startsWith(`npm:${name}@`))
  );
  const shipped = new Set<string>();
  const visit = (key: string) => {
    if (shipped.has(key)) return;
    shipped.add(key);
    const { dependencies = [], optionalDependencies = [], optionalPeers = [] } = lock.npm[key];
    for (const name of [...dependencies, ...optionalDependencies, ...optionalPeers]) {
      visit(keyOf(lock, name));
    }
  };
  for (const [specifier, version] of specifiers) {
    const name = specifier.slice("npm:".length, specifier.lastIndexOf("@"));
    visit(keyOf(lock, `${name}@${version}`));
  }
  const npm = Object.entries(lock.npm).filter(([key]) => shipped.has(key));
  return { ...lock, specifiers: Object.fromEntries(specifiers), npm: Object.fromEntries(npm) };
}

function keyOf({ npm }: LockFile, name: string): string {
  const key = name in npm ? name : Object.keys(npm).find((key) => key.startsWith(`${name}@`));
  if (key !== undefined) return key;
  throw new Error(`Cannot find ${name} among the packages of the lock file`);
}
