/** The signals that ask a server to end. SIGTERM does not exist on Windows. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** The exit code of a program that a second signal cut off. Source: Bash, 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

/** Resolves with the first signal to end; a second one ends the program at once. */
export function awaitShutdownSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let asked = false;
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (asked) Deno.exit(EXIT_INTERRUPTED);
      asked = true;
      resolve(signal);
    });
  }
  return promise;
}
