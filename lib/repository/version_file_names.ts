import type { PlatformName } from "./model_config.ts";

/** What the file of a version is called, for each platform; the first that is there is the model. */
export const VERSION_FILE_NAMES: Readonly<Record<PlatformName, readonly string[]>> = {
  onnx: ["model.onnx"],
  mlp: ["model.safetensors", "model.pt", "model.b64"],
  script: ["model.ts", "model.js"],
  linear: ["coefs.json"],
};

/**
 * What a fetched file is called.
 *
 * @param extension of its address; it tells which of several kinds the file is
 * @returns undefined where it does not
 */
export function versionFileName(platform: PlatformName, extension: string): string | undefined {
  const names = VERSION_FILE_NAMES[platform];
  if (names.length === 1) return names[0];
  return names.find((name) => name.endsWith(`.${extension}`));
}
