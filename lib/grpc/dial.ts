import type { Transport } from "../http2/connection.ts";
import { CONNECT_TIMEOUT_MS } from "../limits.ts";
import { Code, GrpcError } from "./status.ts";

/** Where a server listens. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** `host:port`, with an IPv6 address in brackets. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Connects over TCP.
 *
 * @throws {GrpcError} UNAVAILABLE, naming the address, when nobody answers within CONNECT_TIMEOUT_MS.
 */
export function dialTcp(address: Address): Promise<Transport> {
  return connectInTime(address, Deno.connect(address), (connection) => {
    // Requests leave at once: they are collected already.
    connection.setNoDelay(true);
    return connection;
  });
}

/**
 * What `connecting` gives, within CONNECT_TIMEOUT_MS; one that comes later is closed.
 *
 * @param take makes the transport of it; what it throws is a failure to connect too
 * @param explain the reason in words, for an error that was not meant for the user
 * @throws {GrpcError} UNAVAILABLE, naming the address and the reason.
 */
export async function connectInTime<Connection extends { close(): void }>(
  address: Address,
  connecting: Promise<Connection>,
  take: (connection: Connection) => Transport,
  explain: (message: string) => string = (message) => message,
): Promise<Transport> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1_000} s`)),
    CONNECT_TIMEOUT_MS,
  );
  try {
    return take(await Promise.race([connecting, timeout.promise]));
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrpcError(
      Code.UNAVAILABLE,
      `Cannot connect to ${formatAddress(address)}: ${explain(reason)}`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}
