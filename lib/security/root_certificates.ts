import { X509Certificate } from "node:crypto";
import { readCredentialFile, unusable } from "./credential_file.ts";

/**
 * The PEM text of a file of authorities' certificates.
 *
 * @throws {OperationError} `invalid-argument`, naming the file, when it has none or one that cannot be
 * read: a connection would only tell that the peer is not trusted.
 */
export async function readRootCertificates(path: string): Promise<string> {
  const text = await readCredentialFile(CA, path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) throw unusable(CA, path, "it has no certificate in PEM");
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw unusable(CA, path, `its certificate ${index + 1} cannot be read`, cause);
    }
  }
  return text;
}

const CA = "--ca";
