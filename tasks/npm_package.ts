/**
 * The folder of a package in Deno's cache, whatever registry it came from.
 *
 * @param npmCache Deno's folder of packages
 * @throws {Error} when it is not there: nothing has imported it yet
 */
export function packageFolder(npmCache: string, name: string, version: string): string {
  for (const { name: registry } of Deno.readDirSync(npmCache)) {
    const folder = `${npmCache}/${registry}/${name}/${version}`;
    if (exists(folder)) return folder;
  }
  throw new Error(`Cannot find ${name} ${version} in ${npmCache}: run deno cache first`);
}

/** Whether there is a file or a folder. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
