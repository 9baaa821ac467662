import { messageOf } from "../errors.ts";

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

/**
 * Tells of what is thrown in a worker thread where nobody catches it, in a timer say, or by a promise: Deno would
 * print it on the process's own standard error, as it is, and end the thread. What code of others catches by
 * a listener of its own, and prevents the default of, is none of it.
 *
 * Before that code is loaded.
 *
 * @param tell called with what was thrown; whoever hears it ends the thread
 */
export function hearUncaught(tell: (what: string) => void): void {
  const hear = (event: Event, thrown: unknown) => {
    event.preventDefault();
    let isHandled = false;
    Object.defineProperty(event, "preventDefault", { value: () => void (isHandled = true) });
    // When the listeners after this one have heard it.
    queueMicrotask(() => isHandled || tell(messageOf(thrown)));
  };
  addEventListener("error", (event) => hear(event, (event as ErrorEvent).error));
  addEventListener(
    "unhandledrejection",
    (event) => hear(event, (event as PromiseRejectionEvent).reason),
  );
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
