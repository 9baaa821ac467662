import { X509Certificate } from "node:crypto";
import type { KeyPair } from "../grpc/listener.ts";
import { readCredentialFile, unusable } from "./credential_file.ts";

/** Where a server's key pair is, and the flags that said so. */
export interface KeyPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The flags' names, as messages say them. */
const CERT = "--tls-cert";
const KEY = "--tls-key";

/**
 * The key pair in two PEM files, with which a server can listen.
 *
 * @throws {OperationError} `invalid-argument`, naming the file and what is wrong with it, or both
 * when each is well but the key is not the certificate's.
 */
export async function readKeyPair({ certFile, keyFile }: KeyPairFiles): Promise<KeyPair> {
  const cert = await readCredentialFile(CERT, certFile);
  const key = await readCredentialFile(KEY, keyFile);
  describeCertificate(cert, certFile);
  if (!/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/.test(key)) {
    throw unusable(KEY, keyFile, "it has no private key in PEM that is not encrypted");
  }
  const problem = tryListening({ cert, key });
  if (problem === undefined) return { cert, key };
  if (/KeyMismatch/.test(problem)) {
    throw unusable(KEY, keyFile, `it is not the key of the certificate in ${certFile}`);
  }
  throw /key/i.test(problem)
    ? unusable(KEY, keyFile, `its private key cannot be read (${problem})`)
    : unusable(CERT, certFile, `its certificates cannot be read (${problem})`);
}

/** What an operator wants to know of a certificate. */
export interface CertificateSummary {
  readonly subject: string;
  /** SHA-256 of the certificate, in pairs of hexadecimal digits with colons between. */
  readonly fingerprint: string;
  /** ISO 8601, UTC. */
  readonly validTo: string;
  readonly expired: boolean;
}

/**
 * What the first certificate of a PEM text says.
 *
 * @param certFile the file that it came from, for error messages
 * @throws {OperationError} `invalid-argument` when there is none that can be read.
 */
export function describeCertificate(cert: string, certFile: string): CertificateSummary {
  const [first] = cert.match(CERTIFICATE) ?? [];
  if (first === undefined) throw unusable(CERT, certFile, "it has no certificate in PEM");
  try {
    const { subject, fingerprint256, validTo } = new X509Certificate(first);
    const end = new Date(validTo);
    return {
      subject: subject.replaceAll("\n", ", "),
      fingerprint: fingerprint256,
      validTo: end.toISOString(),
      expired: end.getTime() < Date.now(),
    };
  } catch (cause) {
    throw unusable(CERT, certFile, "its first certificate cannot be read", cause);
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * What the TLS of the runtime has against the pair, `undefined` for nothing.
 *
 * A listener for a moment, on a port of the system's choice, is the one way to ask it. That the
 * system gives no such port says nothing of the pair.
 */
function tryListening(pair: KeyPair): string | undefined {
  try {
    Deno.listenTls({ ...pair, hostname: "127.0.0.1", port: 0 }).close();
    return undefined;
  } catch (error) {
    // The errors of sockets have classes of their own; those of TLS are plain, or InvalidData.
    const ofTls = error instanceof Deno.errors.InvalidData ||
      (error instanceof Error && error.constructor === Error);
    return ofTls ? error.message : undefined;
  }
}
