/** Where each kind of function has its constructor, which makes code of text. */
const FUNCTION_KINDS = [
  function () {},
  async function () {},
  function* () {},
  async function* () {},
];

let confined = false;

/**
 * Takes from a worker thread, for good, what makes code of text: `eval`, `Function` and its kin, timers with
 * text, further workers; and what would give objects that are none of the script's a meaning of its own:
 * new properties of all objects.
 *
 * Text could hold an `import()` that nobody has looked at, and in a compiled binary Deno's loader asks no
 * permission for files: such a script would read what its configuration does not name. The main thread is
 * left as it is.
 *
 * It keeps an honest script within its permissions, not a hostile one within the process: for that, processes
 * have users.
 */
export function confineThread(): void {
  if (confined || !isWorker()) return;
  confined = true;
  const scope = globalThis as unknown as Record<string, unknown>;
  scope.eval = refuseText;
  for (const kind of FUNCTION_KINDS) {
    Object.defineProperty(Object.getPrototypeOf(kind), "constructor", { value: refuseText });
  }
  scope.Function = refuseText;
  for (const name of ["setTimeout", "setInterval"]) {
    const original = scope[name] as (...given: unknown[]) => unknown;
    scope[name] = (handler: unknown, ...rest: unknown[]) =>
      typeof handler === "function" ? original(handler, ...rest) : refuseText();
  }
  // Whatever every object has, a `then` say, all objects of ours would have.
  Object.preventExtensions(Object.prototype);
  Reflect.deleteProperty(scope, "Worker");
  const process = scope.process as Record<string, unknown> | undefined;
  if (process !== undefined) process.getBuiltinModule = refuseText;
}

/**
 * Takes from a worker thread, for good, the permission to load native libraries; what is loaded stays. The main
 * thread is left as it is.
 */
export function giveUpLibraries(): void {
  if (isWorker()) Deno.permissions.revokeSync({ name: "ffi" });
}

function isWorker(): boolean {
  return "DedicatedWorkerGlobalScope" in globalThis;
}

function refuseText(): never {
  throw new EvalError("Cannot make code of text: a script's code stands in its files");
}
