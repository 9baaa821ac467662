/**
 * Calls `reload` when the program is asked to read its files again: at SIGHUP, which does not end the
 * program then. Windows has no such signal.
 *
 * One reload runs at a time. What is asked for meanwhile is done by one more after it, which sees the
 * files as they are then.
 *
 * @param reload never rejects
 * @param ready what has to be before the first reload
 */
export function onReloadSignal(reload: () => Promise<void>, ready: Promise<unknown>): void {
  if (Deno.build.os === "windows") return;
  let last = ready.then(() => {});
  let waiting = false;
  Deno.addSignalListener("SIGHUP", () => {
    if (waiting) return;
    waiting = true;
    last = last.then(() => {
      waiting = false;
      return reload();
    });
  });
}
