import { arch, platform } from "node:process";
import { exists, packageFolder } from "./npm_package.ts";

/** Of onnxruntime-web's package, what a program imports; the rest are builds for browsers. */
const WEB_MODULES = ["ort.node.min.mjs", "ort-wasm-simd-threaded.mjs"];
const WEB_WASM = "ort-wasm-simd-threaded.wasm";

/** onnxruntime's packages on this machine, sorted by where their files go. */
export interface OnnxFiles {
  /** What a compiled program loads at run time from a folder of its own: native libraries, WebAssembly. */
  readonly library: readonly string[];
  /** Files and folders that it must not carry: each megabyte costs a millisecond and a megabyte at each start. */
  readonly excluded: readonly string[];
}

/**
 * Sorts the files of onnxruntime's packages.
 *
 * @param npmCache Deno's folder of packages
 * @param version of both packages
 * @throws {Error} when a package is not there: nothing has imported it yet
 */
export function onnxFiles(npmCache: string, version: string): OnnxFiles {
  const node = packageFolder(npmCache, "onnxruntime-node", version);
  const web = packageFolder(npmCache, "onnxruntime-web", version);
  const native = `${node}/bin/napi-v6/${platform}/${arch}`;
  const library = [...Deno.readDirSync(native)].map(({ name }) => `${native}/${name}`);
  const unused = [...Deno.readDirSync(`${web}/dist`)].map(({ name }) => name)
    .filter((name) => !WEB_MODULES.includes(name)).map((name) => `${web}/dist/${name}`);
  return {
    library: [...library, `${web}/dist/${WEB_WASM}`],
    excluded: [`${node}/bin`, `${node}/script`, `${web}/lib`, `${web}/docs`, ...unused].filter(
      exists,
    ),
  };
}
