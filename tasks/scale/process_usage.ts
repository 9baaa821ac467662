/** What Linux says of a running process. Source: proc(5). */

/** Processor time is told in ticks of this length: USER_HZ, 100 on every Linux we know. */
const TICK_MS = 10;

/** Where the fields stand behind the program's name, which may hold blanks itself. */
const USER_TICKS = 11;
const CHILDREN_USER_TICKS = 13;

/** Processor time that a process has used so far in all of its threads, user and kernel, in milliseconds. */
export function processorMs(pid: number): number {
  return readTicksMs(`/proc/${pid}/stat`, USER_TICKS);
}

/** Processor time that this process's children have used that have ended, in milliseconds. */
export function endedChildrenMs(): number {
  return readTicksMs("/proc/self/stat", CHILDREN_USER_TICKS);
}

/** Memory of a process that is in RAM, in KiB. */
export function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
}

/** The most files that a process may have open; sockets are such. */
export function openFilesMax(pid: number): number {
  const limit = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/limits`))?.[1];
  return limit === undefined ? Infinity : Number(limit);
}

function readTicksMs(path: string, first: number): number {
  const text = Deno.readTextFileSync(path);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[first]) + Number(fields[first + 1])) * TICK_MS;
}
