/**
 * Tells of a worker thread that ends itself, by `self.close()`, `Deno.exit()` or Node's `process.exit()`:
 * Deno stops such a thread where it stands and tells nobody, so whoever supervises it would wait for ever.
 *
 * Before code of others is loaded; it cannot be taken back. The main thread is left as it is.
 *
 * @param tell called with what was called, before the thread ends; what it posts arrives
 */
export function hearThreadEnd(tell: (how: string) => void): void {
  if (!("DedicatedWorkerGlobalScope" in globalThis)) return;
  // Node's process.exit calls Deno.exit, as it stands then.
  replace(globalThis, "close", () => tell("self.close() was called"));
  replace(Deno, "exit", (code) => tell(`Deno.exit(${code ?? ""}) was called`));
}

function replace<Name extends string>(
  scope: { [name in Name]: (...given: never[]) => unknown },
  name: Name,
  before: (first: unknown) => void,
): void {
  const original = scope[name] as (...given: unknown[]) => unknown;
  Object.defineProperty(scope, name, {
    value: (...given: unknown[]) => {
      before(given[0]);
      return original.apply(scope, given);
    },
    writable: false,
    configurable: false,
  });
}
