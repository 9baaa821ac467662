import { OperationError } from "../errors.ts";
import type { Platform } from "../inference/model.ts";
import type { PlatformLog } from "./platform_log.ts";
import type { RecordedStatistics } from "./recorded_statistics.ts";

/** A platform, and how its instances run. */
export interface LoadedPlatform {
  readonly platform: Platform;
  /** Whether predicting needs no event loop: then the thread may sleep until there is work. */
  readonly blocking: boolean;
}

/** What platforms need of the thread that they are loaded on. */
export interface PlatformContext {
  readonly log: PlatformLog;
  readonly statistics: RecordedStatistics;
  /** onnxruntime's, if its files stand outside of its packages. */
  readonly libraryFolder: string | undefined;
}

/**
 * The platform of a name, its code loaded only now: a thread needs one of them, and ONNX's alone costs more
 * than all others.
 *
 * @throws {OperationError} `invalid-argument` for any other name
 */
export async function loadPlatform(
  name: string,
  { log, statistics, libraryFolder }: PlatformContext,
): Promise<LoadedPlatform> {
  switch (name) {
    case "linear":
      return { platform: (await import("./linear.ts")).linear, blocking: true };
    case "mlp":
      return { platform: (await import("./mlp.ts")).mlp, blocking: true };
    case "onnx": {
      const { onnxPlatform } = await import("./onnx.ts");
      return { platform: onnxPlatform({ libraryFolder, log }), blocking: true };
    }
    case "script": {
      const { scriptPlatform } = await import("./script.ts");
      // Timers and sockets of the user's code go on between batches.
      return { platform: scriptPlatform({ log, statistics, libraryFolder }), blocking: false };
    }
    default:
      throw new OperationError(
        "invalid-argument",
        `There is no platform "${name}", need linear, mlp, onnx or script`,
      );
  }
}
