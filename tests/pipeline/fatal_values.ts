/** What kills a worker of `fixtures/fatal_instance.ts`, as the first number of a vector. */
export const FATAL = { exit: -1, close: -2 } as const;

/** What holds it up, and for how long in milliseconds. */
export const SLOW = -3;
export const SLOW_MS = 1_500;
