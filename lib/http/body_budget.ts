/**
 * What the bodies of all requests of one thread may hold together, in bytes.
 *
 * Bytes are taken as they arrive, not as they are announced: clients that announce much and send little
 * take nothing from the others.
 */
export class BodyBudget {
  #free: number;

  constructor(bytesMax: number) {
    this.#free = bytesMax;
  }

  /** Takes bytes, if there are as many. */
  tryTake(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#free += bytes;
  }
}
