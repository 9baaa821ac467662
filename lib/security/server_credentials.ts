import type { KeyPair } from "../grpc/listener.ts";
import { digestOf } from "./bearer_auth.ts";
import {
  type CertificateSummary,
  describeCertificate,
  type KeyPairFiles,
  readKeyPair,
} from "./key_pair.ts";
import { readTokens } from "./token_file.ts";

/** The files that a server's credentials are in. */
export interface ServerCredentialFiles {
  readonly tls?: KeyPairFiles;
  readonly authTokenFile?: string;
  readonly adminTokenFile?: string;
}

/** A server's credentials, as its threads need them, and what a log may say of them. */
export interface LoadedCredentials {
  readonly keyPair?: KeyPair;
  readonly tokenDigests?: readonly Uint8Array[];
  readonly adminTokenDigests?: readonly Uint8Array[];
  readonly certificate?: CertificateSummary;
}

/**
 * Reads what files there are. All of them are well, or nothing is returned.
 *
 * @throws {OperationError} `invalid-argument`, naming the file and what is wrong with it.
 */
export async function readServerCredentials(
  { tls, authTokenFile, adminTokenFile }: ServerCredentialFiles,
): Promise<LoadedCredentials> {
  const keyPair = tls === undefined ? undefined : await readKeyPair(tls);
  const tokens = authTokenFile === undefined
    ? undefined
    : await readTokens("--auth-token-file", authTokenFile);
  const adminTokens = adminTokenFile === undefined
    ? undefined
    : await readTokens("--admin-token-file", adminTokenFile);
  return {
    ...(tls === undefined || keyPair === undefined
      ? {}
      : { keyPair, certificate: describeCertificate(keyPair.cert, tls.certFile) }),
    ...(tokens === undefined ? {} : { tokenDigests: tokens.map(digestOf) }),
    ...(adminTokens === undefined ? {} : { adminTokenDigests: adminTokens.map(digestOf) }),
  };
}
