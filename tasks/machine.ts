/** The machine that a measurement was made on, in a few words: it stands above every table. */
export function describeMachine(): string {
  const model = /model name\s*:\s*(.*)/.exec(readIfThere("/proc/cpuinfo"))?.[1];
  return `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, ${
    model ?? Deno.build.target
  }`;
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
