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
export async function dialTcp(address: Address): Promise<Transport> {
  const connecting = Deno.connect(address);
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1_000} s`)),
    CONNECT_TIMEOUT_MS,
  );
  try {
    const connection = await Promise.race([connecting, timeout.promise]);
    // Requests leave at once: they are collected already.
    connection.setNoDelay(true);
    return connection;
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrpcError(
      Code.UNAVAILABLE,
      `Cannot connect to ${formatAddress(address)}: ${reason}`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}
