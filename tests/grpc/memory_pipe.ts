import type { Transport } from "../../lib/http2/connection.ts";

/** Bytes that wait in one direction before a writer has to; little, as over a slow network. */
const CAPACITY_BYTES = 65_536;

/** One direction of a pipe: bytes in order, a bounded number of them. */
class Direction {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #broken = false;
  #changed = Promise.withResolvers<void>();

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#bytes === 0) {
      if (this.#broken) throw new Deno.errors.BadResource("the pipe was closed");
      if (this.#ended) return null;
      await this.#changed.promise;
    }
    const chunk = this.#chunks[0];
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(count);
    this.#bytes -= count;
    this.#tell();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#bytes >= CAPACITY_BYTES && !this.#ended) await this.#changed.promise;
    if (this.#ended) throw new Deno.errors.BrokenPipe("the pipe was closed");
    const chunk = bytes.slice(0, CAPACITY_BYTES - this.#bytes);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#tell();
    return chunk.length;
  }

  /** The writer is done; what it wrote can still be read. */
  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /** The reader is gone: what it was waiting for fails, and so does every write. */
  break(): void {
    this.#broken = true;
    this.#chunks = [];
    this.#bytes = 0;
    this.end();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** The two ends of a pipe in memory that behaves as a TCP connection does. */
export function memoryPipe(): [Transport, Transport] {
  const forth = new Direction();
  const back = new Direction();
  return [pipeEnd(back, forth), pipeEnd(forth, back)];
}

function pipeEnd(incoming: Direction, outgoing: Direction): Transport {
  return {
    read: (into) => incoming.read(into),
    write: (bytes) => outgoing.write(bytes),
    closeWrite: () => Promise.resolve(outgoing.end()),
    close: () => {
      incoming.break();
      outgoing.end();
    },
  };
}
