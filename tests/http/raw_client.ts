const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A connection on which a test writes what it likes. */
export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  #text = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async write(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let offset = 0; offset < bytes.length;) {
      offset += await this.#connection.write(bytes.subarray(offset));
    }
  }

  /** What was read until there is a match in it, which is taken off; all of it at the end. */
  async readUntil(pattern: RegExp): Promise<string> {
    const chunk = new Uint8Array(65_536);
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) {
        const end = match.index + match[0].length;
        const taken = this.#text.slice(0, end);
        this.#text = this.#text.slice(end);
        return taken;
      }
      const count = await this.#connection.read(chunk);
      if (count === null) return this.#text;
      this.#text += decoder.decode(chunk.subarray(0, count));
    }
  }

  /** All that comes until the server closes. */
  async readToEnd(): Promise<string> {
    return await this.readUntil(/(?!)/);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** A request for inference as text. */
export function inferText(model: string, body: string, fields = ""): string {
  return `POST /v2/models/${model}/infer HTTP/1.1\r\nhost: test\r\n${fields}` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
