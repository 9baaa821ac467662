/** The most bytes that are kept: longer ones are asked for too seldom to be held for. */
const SCRATCH_BYTES = 65_536;

/** Memory that is used again, and the view of it that was asked for last: most who ask want one length. */
export class ByteScratch {
  #bytes = new Uint8Array(0);
  #view = this.#bytes;

  /** So many bytes, with anything in them; valid until the next are taken, unless they are more than 64 KiB. */
  take(length: number): Uint8Array {
    if (length > SCRATCH_BYTES) return new Uint8Array(length);
    if (length > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.min(2 * length, SCRATCH_BYTES));
    }
    if (this.#view.length !== length) this.#view = this.#bytes.subarray(0, length);
    return this.#view;
  }
}
