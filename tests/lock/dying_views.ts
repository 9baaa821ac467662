type ViewName = "Int32Array" | "Float32Array" | "Float64Array" | "BigInt64Array";
type View = Int32Array | Float32Array | Float64Array | BigInt64Array;
type ViewClass = new (...args: unknown[]) => View;

const VIEW_NAMES: readonly ViewName[] = [
  "Int32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
];

/** What stands behind the watched views: Atomics takes none but true ones. */
const TARGETS = new WeakMap<object, { target: Int32Array; onWrite: () => void }>();

const atomicsAdd = Atomics.add;

/** `Atomics.add` for watched views, too: a write. */
function addWatched(view: Int32Array, index: number, value: number): number {
  const watched = TARGETS.get(view);
  watched?.onWrite();
  return atomicsAdd(watched?.target ?? view, index, value);
}

/**
 * Opens something on shared memory so that a test decides at which write its thread dies.
 *
 * Every typed array over a `SharedArrayBuffer` that `open` makes calls `onWrite` before each write,
 * and `onWrite` may throw, or stop the thread, in place of it. `fill` and `set` count as one write each.
 */
export function openDying<T>(onWrite: () => void, open: () => T): T {
  const globals = globalThis as unknown as Record<ViewName, ViewClass>;
  const originals = VIEW_NAMES.map((name) => [name, globals[name]] as const);
  Atomics.add = addWatched as typeof Atomics.add;
  try {
    for (const [name, original] of originals) {
      globals[name] = new Proxy(original, {
        construct: (target, args) => watched(new target(...args), args[0], onWrite),
      });
    }
    return open();
  } finally {
    for (const [name, original] of originals) globals[name] = original;
  }
}

function watched(view: View, source: unknown, onWrite: () => void): View {
  if (!(source instanceof SharedArrayBuffer)) return view;
  const proxy = new Proxy(view, {
    get(target, property) {
      const value = Reflect.get(target, property);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (property === "fill" || property === "set") onWrite();
        return Reflect.apply(value, target, args);
      };
    },
    set(target, property, value) {
      onWrite();
      return Reflect.set(target, property, value);
    },
  });
  if (view instanceof Int32Array) TARGETS.set(proxy, { target: view, onWrite });
  return proxy;
}
