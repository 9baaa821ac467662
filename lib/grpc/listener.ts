import type { Transport } from "../http2/connection.ts";
import { ACCEPT_RETRY_MS } from "../limits.ts";
import { OperationError } from "../errors.ts";
import { type Address, formatAddress } from "./dial.ts";
import { ALPN_HTTP2, TlsTransport } from "./tls_transport.ts";

/** How a thread listens. */
export interface ListenOptions extends Address {
  /** Whether other threads of this process listen on the same port. */
  readonly sharePort: boolean;
  /** Whether to make sure first that no other process does. */
  readonly probePort: boolean;
}

/** A certificate, with those that lead to its authority behind it, and its private key; each PEM text. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Whether threads can share a port here: Linux alone spreads connections over its listeners. */
export function canSharePort(): boolean {
  return Deno.build.os === "linux";
}

/**
 * Listens for TCP connections.
 *
 * A shared port takes any process of the same user that asks for it, without an error. So a probe
 * listens alone first, which fails when anybody listens there.
 *
 * @throws {OperationError} `unavailable`, naming the address and what is wrong with it.
 */
export function listen(options: ListenOptions): Deno.TcpListener {
  return openOn(options, (socket) => Deno.listen(socket));
}

/**
 * Listens for TLS connections of peers that speak HTTP/2, as `listen` does for plain ones.
 *
 * An accepted connection may still have its handshake before it. @throws as `listen`
 */
export function listenTls(options: ListenOptions, { cert, key }: KeyPair): Deno.TlsListener {
  return openOn(
    options,
    (socket) => Deno.listenTls({ ...socket, cert, key, alpnProtocols: [ALPN_HTTP2] }),
  );
}

/**
 * What `openSocket` opens on the address, after a probe of it as the options say.
 *
 * @throws {OperationError} `unavailable`, naming the address and what is wrong with it.
 */
export function openOn<Listener>(
  { hostname, port, sharePort, probePort }: ListenOptions,
  openSocket: (socket: Address & { reusePort: boolean }) => Listener,
): Listener {
  const address = { hostname, port };
  try {
    if (sharePort && probePort && port !== 0) Deno.listen(address).close();
    return openSocket({ ...address, reusePort: sharePort });
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "the port is in use"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new OperationError(
      "unavailable",
      `Cannot listen on ${formatAddress(address)}: ${reason}`,
      { cause: error },
    );
  }
}

/** A connection that was accepted. */
export interface AcceptedConnection extends Transport {
  /** Resolves when its socket is free, where that can be later than its close. */
  readonly released?: Promise<void>;
}

/**
 * Hands each connection to `serve`, until the listener is closed. What `serve` returns is waited for
 * before the next is accepted.
 *
 * A client that is gone before it was accepted costs nothing. Any other failed accept, as when the
 * process has no file descriptors left, is tried again after ACCEPT_RETRY_MS.
 *
 * @param onFailure is told of such a failure, the first time after an accept went well
 * @param closed resolves when the listener is closed: then nothing is waited for any more
 */
export async function acceptLoop(
  listener: { accept(): Promise<Deno.TcpConn | Deno.TlsConn> },
  serve: (connection: AcceptedConnection) => Promise<void> | void,
  onFailure: (error: unknown) => void,
  closed?: Promise<void>,
): Promise<void> {
  let failing = false;
  for (;;) {
    try {
      const connection = await listener.accept();
      failing = false;
      const wait = serve(
        "handshake" in connection ? new TlsTransport(connection) : withoutDelay(connection),
      );
      if (wait !== undefined) await Promise.race([wait, closed ?? wait]);
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      if (CLIENT_GONE.some((kind) => error instanceof kind)) continue;
      if (!failing) onFailure(error);
      failing = true;
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}

/** How an accept fails when the client has reset its connection meanwhile. */
const CLIENT_GONE = [
  Deno.errors.NotConnected,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionReset,
];

/** Answers leave at once: they are collected already. */
function withoutDelay(connection: Deno.TcpConn): Deno.TcpConn {
  try {
    connection.setNoDelay(true);
  } catch {
    // The client has gone again, as the first read will tell.
  }
  return connection;
}
