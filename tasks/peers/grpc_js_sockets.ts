import net from "node:net";

/**
 * Lets grpc-js's client keep all bytes on Deno.
 *
 * A socket that node:http2 has taken over there still ends the read that node:net began, and what that
 * gets is lost: a call then waits for ever. Paused, sockets begin none. No-op on Node.
 */
export function keepBytesForHttp2(): void {
  if (!("Deno" in globalThis)) return;
  const connect: (...args: Parameters<typeof net.connect>) => net.Socket = net.connect;
  Object.assign(net, {
    connect: (...args: Parameters<typeof net.connect>) => connect(...args).pause(),
  });
}
