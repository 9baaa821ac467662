import { OperationError } from "../errors.ts";
import { isHostName, isIpv6 } from "./flag_kind.ts";

/** The host that a target without one means. An address, so that no resolver picks IPv6 instead. */
const DEFAULT_HOST = "127.0.0.1";

/** Port 0 is no port that one could connect to. */
const PORT_MIN = 1;
const PORT_MAX = 65_535;

/** What a client connects to. */
export interface Target {
  /** A host name or an IP address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * The server that `text` names: `5440` (on this machine), `host:5440`, `10.0.0.1:5440` or
 * `[::1]:5440`.
 *
 * @throws {OperationError} invalid-argument, if it is none of these or the port is not 1 to 65535
 *
 * @example
 * ```ts
 * import { parseTarget } from "./target.ts";
 * const { host, port } = parseTarget("[::1]:5440");
 * if (host !== "::1" || port !== 5440) throw new Error("Wrong target");
 * ```
 */
export function parseTarget(text: string): Target {
  const { bracketed, named, digits } =
    /^(?:(?:\[(?<bracketed>[^\]]*)\]|(?<named>[^:[\]]+)):)?(?<digits>\d+)$/.exec(text)?.groups ??
      {};
  if (digits === undefined) throw wrongTarget(text, "PORT, HOST:PORT or [IPV6]:PORT");
  const host = bracketed ?? named ?? DEFAULT_HOST;
  if (bracketed !== undefined && !isIpv6(bracketed)) {
    throw wrongTarget(text, "an IPv6 address in the brackets");
  }
  if (named !== undefined && !isHostName(named)) {
    throw wrongTarget(text, "a host name or an IPv4 address before the colon");
  }
  const port = Number(digits);
  if (port < PORT_MIN || port > PORT_MAX) {
    throw wrongTarget(text, `a port from ${PORT_MIN} to ${PORT_MAX}`);
  }
  return { host, port };
}

function wrongTarget(found: string, expected: string): OperationError {
  return new OperationError(
    "invalid-argument",
    `TARGET is ${JSON.stringify(found)}, expected ${expected}`,
  );
}
