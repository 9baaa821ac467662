import { mayRunPrograms } from "../support/permissions.ts";

/**
 * grpc-go's interop programs, `google.golang.org/grpc/interop/{client,server}`, where they are on the
 * PATH under these names. `.ci/run` builds them where Go is there.
 */
export const GO_CLIENT = "grpc_interop_client";
export const GO_SERVER = "grpc_interop_server";

/** Whether a program is on the PATH, and this test run may start it. */
export async function isInstalled(program: string): Promise<boolean> {
  if (!mayRunPrograms) return false;
  try {
    const output = { stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program, { args: ["-help"], ...output }).output()).success;
  } catch {
    return false;
  }
}
