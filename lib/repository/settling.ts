import { REPOSITORY_SETTLE_MS } from "../limits.ts";

/** Files as they were when they were last seen to change. */
interface Sight {
  readonly stamp: string;
  readonly sinceMs: number;
}

/** Two clocks in milliseconds: of the world, as files are stamped with, and one that never jumps. */
export interface Clocks {
  readonly wallMs: number;
  readonly steadyMs: number;
}

/**
 * Tells files that somebody is still writing from those that are as they will be.
 *
 * Files count as quiet when they have been the same for REPOSITORY_SETTLE_MS: by their own times, or, since
 * those of a file server may be ahead of ours, by having been seen so. One without the other would
 * either keep a server that starts waiting, or never end behind a wrong clock.
 */
export class Settling {
  #sights = new Map<string, Sight>();
  #next = new Map<string, Sight>();

  /**
   * @param key tells these files from others
   * @param changedMs the latest of their times
   */
  isQuiet(key: string, stamp: string, changedMs: number, now: Clocks): boolean {
    const before = this.#sights.get(key);
    const sight = before?.stamp === stamp ? before : { stamp, sinceMs: now.steadyMs };
    this.#next.set(key, sight);
    return now.wallMs - changedMs >= REPOSITORY_SETTLE_MS ||
      now.steadyMs - sight.sinceMs >= REPOSITORY_SETTLE_MS;
  }

  /** Ends a look at everything: what was not asked for in it is forgotten. */
  endLook(): void {
    this.#sights = this.#next;
    this.#next = new Map();
  }
}
