import type { Transport } from "../http2/connection.ts";

/** The ALPN name of HTTP/2 over TLS. Source: RFC 9113 §3.2. */
export const ALPN_HTTP2 = "h2";

/**
 * The server's end of a TLS connection whose handshake may still be under way.
 *
 * The first read waits for the handshake, so whatever bounds the wait for a first byte bounds the
 * handshake too. A peer that has not agreed on HTTP/2 is a stream of no bytes: nobody could talk to it.
 *
 * Source: RFC 9113 §3.2, §9.2.
 */
export class TlsTransport implements Transport {
  readonly #connection: Deno.TlsConn;
  readonly #handshake: Promise<Deno.TlsHandshakeInfo>;
  #agreed = false;

  constructor(connection: Deno.TlsConn) {
    this.#connection = connection;
    this.#handshake = connection.handshake();
    // The first read tells of its failure.
    this.#handshake.catch(() => {});
  }

  /** The system holds the socket of a handshake that does not end until its peer is gone, closed or not. */
  get released(): Promise<void> {
    return this.#handshake.then(() => {}, () => {});
  }

  /** @throws {Error} of the first read, when the handshake fails. */
  read(into: Uint8Array): Promise<number | null> {
    return this.#agreed
      ? this.#connection.read(into).catch(endWithoutNotice)
      : this.#readFirst(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  close(): void {
    this.#connection.close();
  }

  async #readFirst(into: Uint8Array): Promise<number | null> {
    const { alpnProtocol } = await this.#handshake;
    if (alpnProtocol !== ALPN_HTTP2) return null;
    this.#agreed = true;
    return await this.read(into);
  }
}

/**
 * A peer that is gone without a close_notify, as one that exits, is at its end as it is over plain TCP:
 * frames say themselves whether they are whole. Source: RFC 8446 §6.1.
 */
function endWithoutNotice(error: unknown): null {
  if (error instanceof Deno.errors.UnexpectedEof) return null;
  throw error;
}
