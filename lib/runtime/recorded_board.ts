import type { RecordedStatistic } from "../inference/backend.ts";

/** Figures by the name under which a model recorded them. */
export type RecordedFigures = Readonly<Record<string, RecordedStatistic>>;

/** Room for the text: the names that a model may record fit with 200 bytes each. */
const TEXT_BYTES = 65_536;

const HEADER_BYTES = 8;

/** How often a reader tries again when the writer is at it; after that it does without. */
const TRIES_MAX = 100;

/**
 * What a model has recorded, in memory that threads share: written by the main thread alone.
 *
 * ```text
 *  int32      int32
 *  ┌─────────┬────────┬──────────────────────┐
 *  │ version │ length │ JSON in UTF-8        │   the version is odd while it is written
 *  └─────────┴────────┴──────────────────────┘
 * ```
 */
export class RecordedBoard {
  readonly #header: Int32Array;
  readonly #text: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#text = new Uint8Array(memory, HEADER_BYTES, TEXT_BYTES);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(HEADER_BYTES + TEXT_BYTES);
  }

  /** Replaces what is there; what does not fit is left out from the end. */
  write(figures: RecordedFigures): void {
    const header = this.#header;
    const text = encode(figures);
    Atomics.add(header, 0, 1);
    this.#text.set(text);
    Atomics.store(header, 1, text.length);
    Atomics.add(header, 0, 1);
  }

  /** What is there; nothing while the writer is at it for longer than a reader waits. */
  read(): RecordedFigures {
    const header = this.#header;
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const version = Atomics.load(header, 0);
      if (version % 2 !== 0) continue;
      const text = this.#text.slice(0, Atomics.load(header, 1));
      if (Atomics.load(header, 0) !== version) continue;
      return text.length === 0 ? {} : JSON.parse(new TextDecoder().decode(text));
    }
    return {};
  }
}

function encode(figures: RecordedFigures): Uint8Array {
  let kept = Object.entries(figures);
  for (;;) {
    const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(kept)));
    if (text.length <= TEXT_BYTES) return text;
    kept = kept.slice(0, Math.floor(kept.length / 2));
  }
}
