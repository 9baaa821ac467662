import { OperationError } from "../errors.ts";
import type { ModelSource } from "../inference/model.ts";
import { NO_PERMISSIONS } from "../no_permissions.ts";
import { parseOptions } from "./options.ts";
import { scriptOptionsSchema, type ScriptPermissions } from "./script_options.ts";

/** How Deno names what one of a kind is asked for by. */
const SUBJECTS = {
  net: "host",
  read: "path",
  write: "path",
  env: "variable",
  sys: "kind",
  run: "command",
  ffi: "path",
} as const;

/**
 * The permissions with which a worker is made that holds an instance of a model.
 *
 * All may read the version's folder. ONNX may also read `libraryFolder`, and load native libraries where this
 * thread may: without, it takes its WebAssembly build. A script has what its option `permissions` names, its
 * `tempFolder`, and with the option `onnx` what ONNX has, of which its thread gives up native libraries before it
 * runs the script's code.
 *
 * @param libraryFolder onnxruntime's, if it stands outside of its packages
 * @throws {OperationError} `invalid-argument` naming the option that is wrong; `failed-precondition` naming what
 *   a script wants and this process, which can give no more than it has, may not do itself
 */
export function instancePermissions(
  platform: string,
  source: Pick<ModelSource, "name" | "folder" | "options">,
  libraryFolder?: string,
): Deno.PermissionOptionsObject {
  const { folder } = source;
  const libraries = libraryFolder === undefined ? [] : [libraryFolder];
  if (platform === "onnx") {
    return { ...NO_PERMISSIONS, read: [folder, ...libraries], ffi: isGranted({ name: "ffi" }) };
  }
  if (platform !== "script") return { ...NO_PERMISSIONS, read: [folder] };
  const { permissions, tempFolder, onnx } = parseOptions(scriptOptionsSchema, source);
  requireOwn(source.name, permissions, tempFolder);
  const temp = tempFolder === undefined ? [] : [tempFolder];
  const library = onnx === undefined ? [] : libraries;
  const usesLibrary = onnx !== undefined && onnx.runtime !== "web";
  const { read = [], write = [], net, env, sys, run, ffi } = permissions;
  return {
    ...NO_PERMISSIONS,
    net: net ?? false,
    env: env ?? false,
    sys: sys ?? false,
    run: run ?? false,
    ffi: ffi ?? (usesLibrary && isGranted({ name: "ffi" })),
    read: read === true || [folder, ...read, ...temp, ...library],
    write: write === true || (write.length + temp.length > 0 && [...write, ...temp]),
  };
}

function requireOwn(model: string, permissions: ScriptPermissions, tempFolder: string | undefined) {
  const wanted = Object.entries(SUBJECTS).flatMap(([name, subject]): Record<string, string>[] => {
    const grant = permissions[name as keyof ScriptPermissions] ?? [];
    if (grant === true) return [{ name }];
    return grant.map((value) => ({ name, [subject]: value }));
  });
  if (tempFolder !== undefined) {
    wanted.push({ name: "read", path: tempFolder }, { name: "write", path: tempFolder });
  }
  const missing = wanted.find((descriptor) =>
    !isGranted(descriptor as unknown as Deno.PermissionDescriptor)
  );
  if (missing === undefined) return;
  const [kind, which = "everything"] = Object.values(missing);
  throw new OperationError(
    "failed-precondition",
    `Cannot give model "${model}" the permission ${kind} for ${which}: the server has it not itself, needs to be ` +
      `started or compiled with --allow-${kind}`,
  );
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
