import type { OpenChannelOptions } from "../grpc/channel.ts";
import { bearerMetadata } from "./bearer_auth.ts";
import { readRootCertificates } from "./root_certificates.ts";
import { readTokens } from "./token_file.ts";

/** The files that a client's credentials are in. */
export interface ClientCredentialFiles {
  readonly tls?: { readonly caFile?: string };
  readonly tokenFile?: string;
}

/** What a client connects and calls with; can be posted to a thread. */
export interface ClientCredentials {
  /** To connect over TLS, trusting these PEM texts too. */
  readonly tls?: { readonly caCerts: readonly string[] };
  readonly token?: string;
}

/**
 * Reads what files there are. Of several tokens the first one is meant: a file that is shared with the
 * server has the newest one first.
 *
 * @throws {OperationError} `invalid-argument`, naming the file and what is wrong with it.
 */
export async function readClientCredentials(
  { tls, tokenFile }: ClientCredentialFiles,
): Promise<ClientCredentials> {
  const caCerts = tls?.caFile === undefined ? [] : [await readRootCertificates(tls.caFile)];
  const [token] = tokenFile === undefined ? [] : await readTokens("--token-file", tokenFile);
  return {
    ...(tls === undefined ? {} : { tls: { caCerts } }),
    ...(token === undefined ? {} : { token }),
  };
}

/** A channel's options that make it connect and call so. */
export function channelSecurity(
  { tls, token }: ClientCredentials,
): Pick<OpenChannelOptions, "tls" | "metadata"> {
  return { tls, metadata: token === undefined ? undefined : bearerMetadata(token) };
}
