import { Code, GrpcError } from "./status.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

const VALUE_MAX = 99_999_999;

/**
 * Reads a `grpc-timeout` value.
 *
 * Source: gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md), Timeout: at most 8 digits and a unit.
 *
 * @returns milliseconds, with fractions
 * @throws {GrpcError} INTERNAL for anything else, as other servers answer it.
 */
export function parseTimeout(text: string): number {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(text);
  if (match === null) {
    throw new GrpcError(
      Code.INTERNAL,
      `Cannot read grpc-timeout ${JSON.stringify(text.slice(0, 32))}: ` +
        "need 1 to 8 digits and one of H M S m u n",
    );
  }
  return Number(match[1]) * UNIT_MS[match[2]];
}

/** From here on whole milliseconds are precise enough, and calls in a row have the same value. */
const WHOLE_MS_FROM = 1_000;

/**
 * Writes a `grpc-timeout` value in the finest unit that holds it, from a second on in no finer one than
 * milliseconds, rounded up: from 1 ns, as the value must be positive, to 99 999 999 h.
 */
export function formatTimeout(timeoutMs: number): string {
  for (const unit of timeoutMs < WHOLE_MS_FROM ? ["n", "u", "m"] : ["m", "S", "M", "H"]) {
    const value = Math.ceil(timeoutMs / UNIT_MS[unit]);
    if (value <= VALUE_MAX) return `${Math.max(value, 1)}${unit}`;
  }
  return `${VALUE_MAX}H`;
}
