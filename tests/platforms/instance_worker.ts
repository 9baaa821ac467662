/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** An instance as the server has them: a worker that loads one model and answers. */

import type { ModelSource } from "../../lib/inference/model.ts";
import { onnxPlatform } from "../../lib/platforms/onnx.ts";
import type { PlatformLogEntry } from "../../lib/platforms/platform_log.ts";
import { RecordedStatistics } from "../../lib/platforms/recorded_statistics.ts";
import { scriptPlatform } from "../../lib/platforms/script.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

/** What an instance is to do. */
export interface InstanceTask {
  readonly platform: "onnx" | "script";
  readonly source: ModelSource;
  readonly inputs: readonly Tensor[];
  /** Of onnxruntime's files, where they are not its packages'. */
  readonly libraryFolder?: string;
}

/** What came of it. */
export interface InstanceOutcome {
  readonly outputs?: readonly Tensor[];
  readonly error?: string;
  readonly entries: readonly PlatformLogEntry[];
}

self.onmessage = async ({ data }: MessageEvent<InstanceTask>) => {
  const entries: PlatformLogEntry[] = [];
  const log = (entry: PlatformLogEntry) => entries.push(entry);
  const platform = data.platform === "onnx"
    ? onnxPlatform({ libraryFolder: data.libraryFolder, log })
    : scriptPlatform({
      log,
      statistics: new RecordedStatistics(),
      libraryFolder: data.libraryFolder,
    });
  try {
    const model = await platform.load(data.source, new AbortController().signal);
    const outputs = await model.predict(data.inputs);
    await model.unload();
    self.postMessage({ outputs, entries });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error), entries });
  }
};
