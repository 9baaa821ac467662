import type { Transport } from "../http2/connection.ts";
import { type Address, connectInTime } from "./dial.ts";
import { ALPN_HTTP2 } from "./tls_transport.ts";

/** Whose certificates a client believes. */
export interface TlsOptions {
  /** PEM texts of authorities that are trusted beside those that the runtime trusts. */
  readonly caCerts: readonly string[];
}

/**
 * Connects over TLS to a server that speaks HTTP/2 and whose certificate is for `address.hostname`.
 *
 * Source: RFC 9113 §3.2, RFC 9525.
 *
 * @throws {GrpcError} UNAVAILABLE, naming the address and what is wrong with its answer or its
 * certificate, within CONNECT_TIMEOUT_MS.
 */
export function dialTls(address: Address, options: TlsOptions): Promise<Transport> {
  return connectInTime(address, handshake(address, options), (connection) => connection, explain);
}

async function handshake(address: Address, { caCerts }: TlsOptions): Promise<Deno.TlsConn> {
  // Not Deno.connectTls, whose connections cannot be told to send small writes at once.
  const plain = await Deno.connect(address);
  plain.setNoDelay(true);
  const connection = await Deno.startTls(plain, {
    hostname: address.hostname,
    caCerts: [...caCerts],
    alpnProtocols: [ALPN_HTTP2],
  });
  try {
    const { alpnProtocol } = await connection.handshake();
    if (alpnProtocol !== ALPN_HTTP2) throw new Error(NO_HTTP2);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

const NO_HTTP2 = "it speaks TLS, but no HTTP/2 over it (ALPN h2)";

/** What rustls and webpki say, and what that means to whoever started the client. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/InvalidContentType|corrupt message/, "it speaks no TLS"],
  [/NoApplicationProtocol/, NO_HTTP2],
  [/not valid for (any )?name|NotValidForName/, "its certificate is for another name"],
  [/certificate expired|Expired/, "its certificate has expired"],
  [/not valid yet|NotValidYet/, "its certificate is not valid yet"],
  [/UnknownIssuer|CaUsedAsEndEntity|BadSignature/, "its certificate is of no trusted authority"],
  [/unexpected end of file|UnexpectedEof/, "it has closed the connection during the TLS handshake"],
];

function explain(message: string): string {
  const meaning = MEANINGS.find(([pattern]) => pattern.test(message))?.[1];
  return meaning === undefined || message === meaning ? message : `${meaning} (${message})`;
}
