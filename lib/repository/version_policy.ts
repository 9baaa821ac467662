import type { VersionPolicy } from "./model_config.ts";
import { compareVersions } from "./model_name.ts";

/**
 * The versions that should serve, ascending.
 *
 * @param there the versions that could, in any order
 */
export function chooseVersions(policy: VersionPolicy, there: readonly string[]): string[] {
  const ascending = there.toSorted(compareVersions);
  if (policy === "all") return ascending;
  if ("named" in policy) return ascending.filter((version) => policy.named.includes(version));
  return ascending.slice(-policy.latest);
}
