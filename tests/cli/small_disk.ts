import { mayRunPrograms } from "../support/permissions.ts";

/** A file system that is soon full, in memory; it is gone when the test is over. */
export class SmallDisk implements AsyncDisposable {
  static readonly BYTES = 65_536;
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Whether this test run may mount one. */
  static async isPossible(): Promise<boolean> {
    if (!mayRunPrograms || Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
    try {
      await using _disk = await SmallDisk.mount();
      return true;
    } catch {
      return false;
    }
  }

  static async mount(): Promise<SmallDisk> {
    const path = await Deno.makeTempDir({ prefix: "modelserver-disk-" });
    const mounted = await run(
      "mount",
      "-t",
      "tmpfs",
      "-o",
      `size=${SmallDisk.BYTES}`,
      "none",
      path,
    );
    if (mounted) return new SmallDisk(path);
    await Deno.remove(path);
    throw new Error("Cannot mount a small disk");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", this.path);
    await Deno.remove(this.path);
  }
}

async function run(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args }).output()).success;
}
