import { HpackDecoder } from "../../lib/http2/hpack/decoder.ts";
import { type PipeEnd, quiescence } from "./byte_pipe.ts";
import { ACK, firstFrame, type Frame, PREFACE, Type, valueOf } from "./wire.ts";

/**
 * The other end of a connection under test: sends the bytes that a test says, and notes the frames
 * that come back. It answers nothing by itself.
 */
export class WirePeer {
  /** All frames that came in and that `take` did not return yet. */
  readonly frames: Frame[] = [];
  /** Whether the other end has ended its side. */
  ended = false;
  readonly #pipe: PipeEnd;
  readonly #decoder = new HpackDecoder(4096, 1 << 20);
  #bytes = new Uint8Array(0);
  #prefaceBytesLeft: number;
  #paused: PromiseWithResolvers<void> | undefined;

  /** @param role which end the peer plays; a server's peer takes the client's preface off */
  constructor(pipe: PipeEnd, role: "client" | "server") {
    this.#pipe = pipe;
    this.#prefaceBytesLeft = role === "server" ? PREFACE.length : 0;
    this.#read();
  }

  /** Sends all of the bytes in one write, and waits until nothing happens any more. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    await this.#pipe.write(bytes);
    await quiescence();
  }

  /** Takes the frames out that have come in so far, of one type and one stream where given. */
  take(type?: number, streamId?: number): Frame[] {
    const wanted = (frame: Frame) =>
      (type === undefined || frame.type === type) &&
      (streamId === undefined || frame.streamId === streamId);
    const taken = this.frames.filter(wanted);
    const left = this.frames.filter((frame) => !wanted(frame));
    this.frames.splice(0, this.frames.length, ...left);
    return taken;
  }

  /** Takes all DATA of a stream; returns the number of its bytes. */
  takeData(streamId: number): number {
    return this.take(Type.DATA, streamId).reduce((sum, { payload }) => sum + payload.length, 0);
  }

  /** Decodes a HEADERS frame without CONTINUATION; header blocks must be decoded in order. */
  fields({ payload }: Frame): Record<string, string> {
    const fields = this.#decoder.decode(payload, 0, payload.length);
    return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  }

  /** Stops reading, or takes it up again. */
  pauseReading(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resumeReading(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** What the other end said about its errors: `GOAWAY 1`, `RST_STREAM 3 of 5`. */
  verdicts(): string[] {
    return this.frames.flatMap(({ type, streamId, payload }) => {
      if (type === Type.GOAWAY) return [`GOAWAY ${valueOf(payload, 4)}`];
      if (type === Type.RST_STREAM) return [`RST_STREAM ${valueOf(payload)} of ${streamId}`];
      return [];
    });
  }

  /** The payloads of the acknowledged PINGs. */
  pongs(): string[] {
    return this.take(Type.PING).filter(({ flags }) => flags === ACK)
      .map(({ payload }) => new TextDecoder().decode(payload));
  }

  /** Ends the peer's side and everything with it, unless it has done so before. */
  async close(): Promise<void> {
    this.resumeReading();
    if (!this.#pipe.closed) this.#pipe.close();
    await quiescence();
  }

  async #read(): Promise<void> {
    const into = new Uint8Array(65_536);
    try {
      for (;;) {
        await this.#paused?.promise;
        const count = await this.#pipe.read(into);
        if (count === null) break;
        this.#take(into.subarray(0, count));
      }
    } catch {
      // The pipe was closed by `close`.
    }
    this.ended = true;
  }

  #take(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    const preface = Math.min(joined.length, this.#prefaceBytesLeft);
    this.#prefaceBytesLeft -= preface;
    let at = preface;
    for (let next = firstFrame(joined.subarray(at)); next; next = firstFrame(joined.subarray(at))) {
      this.frames.push(next);
      at += 9 + next.payload.length;
    }
    this.#bytes = joined.slice(at);
  }
}
