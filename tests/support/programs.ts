import { mayRunPrograms } from "./permissions.ts";

/** Whether a program is here, and this test run may start it: `args` make it exit with 0 then. */
export async function canRun(program: string, ...args: string[]): Promise<boolean> {
  if (!mayRunPrograms) return false;
  try {
    return (await new Deno.Command(program, { args }).output()).success;
  } catch {
    return false;
  }
}

/** What a program wrote, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function runProgram(program: string, ...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
