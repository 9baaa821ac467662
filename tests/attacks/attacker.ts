import { setImmediate } from "node:timers";
import { HpackDecoder } from "../../lib/http2/hpack/decoder.ts";
import { join, PREFACE, settings, Type, valueOf } from "../http2/wire.ts";

/** How an attacker begins. */
export interface AttackerOptions {
  /** What it says of itself; none by default. */
  readonly settings?: readonly (readonly [number, number])[];
  /** What it sends first, in place of a preface and its settings. */
  readonly greeting?: Uint8Array;
  /** Whether it takes what the server sends, as it does by default. */
  readonly reads?: boolean;
}

const FRAME_HEADER_BYTES = 9;

/** How long an attacker waits for what the server must do: long, as a busy machine is no failure. */
export const PATIENCE_MS = 10_000;

/**
 * A TCP connection to a server under attack: sends the bytes that a test says, and counts the frames
 * that come back. It answers nothing by itself.
 */
export class Attacker implements Disposable {
  /** Frames that came in, by type. */
  readonly frames = new Map<number, number>();
  /** RST_STREAM frames that came in, by code. */
  readonly resets = new Map<number, number>();
  /** Calls that were answered, by gRPC status. */
  readonly statuses = new Map<string, number>();
  /** Bytes of data that came in. */
  dataBytes = 0;
  readonly #connection: Deno.TcpConn;
  readonly #attackOver: Promise<void>;
  readonly #decoder = new HpackDecoder(4_096, 1 << 20);
  readonly #answers = new Map<number, string>();
  #verdict: string | undefined;
  #change = Promise.withResolvers<void>();
  #lastId = -1;
  #rest = new Uint8Array(0);
  #reading: Promise<void> | undefined;
  #closed = false;

  private constructor(connection: Deno.TcpConn, attackOver: Promise<void>) {
    this.#connection = connection;
    this.#attackOver = attackOver;
  }

  /** @param attackOver when it resolves, `send` waits no longer */
  static async dial(
    port: number,
    attackOver: Promise<void>,
    { settings: pairs = [], greeting, reads = true }: AttackerOptions = {},
  ): Promise<Attacker> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const attacker = new Attacker(connection, attackOver);
    if (reads) attacker.read();
    await attacker.send(greeting ?? join(PREFACE, settings(...pairs)));
    return attacker;
  }

  /** A stream that was not used yet. */
  takeId(): number {
    return this.#lastId += 2;
  }

  /** How the server ended the connection, `undefined` while it has not. */
  get ended(): string | undefined {
    return this.#verdict;
  }

  /** Takes what the server sends, from now on. */
  read(): void {
    this.#reading ??= this.#read();
  }

  /** @returns whether there is any use in sending more: the connection and the attack go on */
  async send(...parts: readonly Uint8Array[]): Promise<boolean> {
    const writing = this.#write(parts);
    const alive = await Promise.race([writing, this.#attackOver.then(() => false)]);
    // A write that finds room does not wait, so that we would never come to read.
    await new Promise((resolve) => setImmediate(resolve));
    return alive && this.#verdict === undefined;
  }

  /** Ends our side of the stream of bytes. */
  async closeWrite(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /**
   * How the server ended the connection: `GOAWAY 11 why`, `end` or `reset`.
   *
   * @throws {Error} when it does not.
   */
  async verdict(): Promise<string> {
    await this.#until(() => this.#verdict !== undefined, "an end of the connection");
    return this.#verdict ?? "";
  }

  /** How the server answered a stream: `status 0`, `status 8 why`, `RST_STREAM 1`, or the connection's end. */
  async answer(id: number): Promise<string> {
    await this.#until(
      () => this.#answers.has(id) || this.#verdict !== undefined,
      `an answer on stream ${id}`,
    );
    return this.#answers.get(id) ?? this.#verdict ?? "";
  }

  /** Waits for so many frames of a type. */
  async seen(type: number, count: number): Promise<void> {
    await this.#until(() => (this.frames.get(type) ?? 0) >= count, `${count} frames of ${type}`);
  }

  /** Closes the connection: at once, and with a TCP reset if there is anything that it has not read. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#tell();
    }, PATIENCE_MS);
    while (!done() && !timedOut) await this.#change.promise;
    clearTimeout(timer);
    if (!done()) throw new Error(`the server did not give ${what} within ${PATIENCE_MS} ms`);
  }

  #tell(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  async #write(parts: readonly Uint8Array[]): Promise<boolean> {
    try {
      for (const part of parts) {
        for (let at = 0; at < part.length;) {
          at += await this.#connection.write(part.subarray(at));
        }
      }
      return true;
    } catch {
      return false; // The server has closed the connection, or the test has.
    }
  }

  async #read(): Promise<void> {
    const into = new Uint8Array(65_536);
    let end = "end";
    try {
      for (;;) {
        const count = await this.#connection.read(into);
        if (count === null) break;
        this.#take(into.subarray(0, count));
        this.#tell();
      }
    } catch {
      end = "reset";
    }
    this.#verdict ??= end;
    this.#tell();
  }

  #take(bytes: Uint8Array): void {
    const whole = new Uint8Array(this.#rest.length + bytes.length);
    whole.set(this.#rest);
    whole.set(bytes, this.#rest.length);
    let at = 0;
    while (whole.length - at >= FRAME_HEADER_BYTES) {
      const payload = at + FRAME_HEADER_BYTES;
      const end = payload + (valueOf(whole, at) >>> 8);
      if (end > whole.length) break;
      this.#takeFrame(whole[at + 3], valueOf(whole, at + 5), whole.subarray(payload, end));
      at = end;
    }
    this.#rest = whole.slice(at);
  }

  #takeFrame(type: number, streamId: number, payload: Uint8Array): void {
    count(this.frames, type);
    if (type === Type.DATA) this.dataBytes += payload.length;
    else if (type === Type.HEADERS) this.#takeHead(streamId, payload);
    else if (type === Type.RST_STREAM) {
      count(this.resets, valueOf(payload));
      this.#answer(streamId, `RST_STREAM ${valueOf(payload)}`);
    } else if (type === Type.GOAWAY) {
      const text = new TextDecoder().decode(payload.subarray(8));
      this.#verdict ??= `GOAWAY ${valueOf(payload, 4)} ${text}`;
    }
  }

  #takeHead(streamId: number, block: Uint8Array): void {
    const fields = this.#decoder.decode(block, 0, block.length);
    const find = (wanted: string) => fields.find(({ name }) => name === wanted)?.value;
    const status = find("grpc-status");
    if (status === undefined) return;
    count(this.statuses, status);
    const text = find("grpc-message");
    this.#answer(streamId, `status ${status}${text === undefined ? "" : ` ${text}`}`);
  }

  /** What comes first is the answer: a call that was answered early is reset behind it. */
  #answer(streamId: number, answer: string): void {
    if (!this.#answers.has(streamId)) this.#answers.set(streamId, answer);
  }
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
