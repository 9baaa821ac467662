import { ACCEPT_RETRY_MS } from "../limits.ts";
import { OperationError } from "../errors.ts";
import { type Address, formatAddress } from "./dial.ts";

/** How a thread listens. */
export interface ListenOptions extends Address {
  /** Whether other threads of this process listen on the same port. */
  readonly sharePort: boolean;
  /** Whether to make sure first that no other process does. */
  readonly probePort: boolean;
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
export function listen({ sharePort, probePort, ...address }: ListenOptions): Deno.TcpListener {
  try {
    if (sharePort && probePort && address.port !== 0) Deno.listen(address).close();
    return Deno.listen({ ...address, reusePort: sharePort });
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

/**
 * Hands each connection to `serve`, until the listener is closed.
 *
 * A client that is gone before it was accepted costs nothing. Any other failed accept, as when the
 * process has no file descriptors left, is tried again after ACCEPT_RETRY_MS.
 *
 * @param onFailure is told of such a failure, the first time after an accept went well
 */
export async function acceptLoop(
  listener: { accept(): Promise<Deno.TcpConn> },
  serve: (connection: Deno.TcpConn) => void,
  onFailure: (error: unknown) => void,
): Promise<void> {
  let failing = false;
  for (;;) {
    try {
      const connection = await listener.accept();
      failing = false;
      serve(withoutDelay(connection));
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
