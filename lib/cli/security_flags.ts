import { OperationError } from "../errors.ts";
import { type Flag, flagValue, type GivenArguments, optionalFlagValue } from "./flag.ts";
import { FILE, SWITCH } from "./flag_kind.ts";

/** How `client` calls; what is not given is not there. */
export interface ClientSecurityFlags {
  /** To connect over TLS; `caFile` is a PEM file of authorities to trust. */
  readonly tls?: { readonly caFile?: string };
  /** A file of which the first token is sent with every call. */
  readonly tokenFile?: string;
}

const tls: Flag<boolean> = {
  name: "--tls",
  summary: "connect over TLS and check the server's certificate and name",
  kind: SWITCH,
  fallback: "false",
};
const ca: Flag<string> = {
  name: "--ca",
  placeholder: "file",
  summary: "trust these authorities too, certificates in PEM; needs --tls",
  kind: FILE,
};
const tokenFile: Flag<string> = {
  name: "--token-file",
  placeholder: "file",
  summary: "show the first token in it with every call",
  kind: FILE,
};

/** The flags by which a client connects and calls, whatever it calls. */
export const SECURITY_FLAGS: readonly Flag<unknown>[] = [tls, ca, tokenFile];

/** @throws {OperationError} `invalid-argument` for --ca without --tls. */
export function readSecurityFlags(given: GivenArguments): ClientSecurityFlags {
  const caFile = optionalFlagValue(ca, given);
  const token = optionalFlagValue(tokenFile, given);
  const overTls = flagValue(tls, given);
  if (caFile !== undefined && !overTls) {
    throw new OperationError("invalid-argument", `${ca.name} is given, and ${tls.name} is not`);
  }
  return {
    ...(overTls ? { tls: caFile === undefined ? {} : { caFile } } : {}),
    ...(token === undefined ? {} : { tokenFile: token }),
  };
}
