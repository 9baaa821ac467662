import { packageFolder } from "./npm_package.ts";

/** What /docs serves of swagger-ui-dist, and what Deno reads to find it. */
const SERVED = ["package.json", "swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE"];

/**
 * The files of swagger-ui-dist that a server does not serve, 10 of its 12 MB: other builds and source maps.
 *
 * @param npmCache Deno's folder of packages
 * @throws {Error} when the package is not there: nothing has imported it yet
 */
export function unservedSwaggerFiles(npmCache: string, version: string): string[] {
  const folder = packageFolder(npmCache, "swagger-ui-dist", version);
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !SERVED.includes(name)).map((name) => `${folder}/${name}`);
}
