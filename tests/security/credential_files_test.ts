import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { CREDENTIAL_FILE_BYTES_MAX, TOKENS_MAX } from "../../lib/limits.ts";
import { readClientCredentials } from "../../lib/security/client_credentials.ts";
import { readServerCredentials } from "../../lib/security/server_credentials.ts";
import { certificatePath, certificateText } from "../support/certificates.ts";
import { mayRunPrograms } from "../support/permissions.ts";

const ignore = !mayRunPrograms;
const TOKEN = "token-0123456789abcdef";

/** A folder to write files in, which goes with its scope. */
function temporaryFolder() {
  const folder = Deno.makeTempDirSync();
  return {
    file(name: string, text: string): string {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    },
    path: folder,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function isUnusable(file: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OperationError);
    assert.equal(error.code, "invalid-argument");
    assert.ok(error.message.includes(file), error.message);
    assert.match(error.message, message);
    return true;
  };
}

Deno.test(
  { name: "A key pair comes with what is to be known of its certificate", ignore },
  async () => {
    const tls = { certFile: certificatePath("first.pem"), keyFile: certificatePath("first.key") };
    const { keyPair, certificate } = await readServerCredentials({ tls });
    assert.equal(keyPair?.cert, certificateText("first.pem"));
    assert.equal(certificate?.subject, "CN=modelserver test first");
    assert.match(certificate.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    assert.equal(certificate.validTo, "2125-12-31T23:59:59.000Z");
    assert.equal(certificate.expired, false);
    const old = {
      certFile: certificatePath("expired.pem"),
      keyFile: certificatePath("expired.key"),
    };
    assert.equal((await readServerCredentials({ tls: old })).certificate?.expired, true);
  },
);

Deno.test({ name: "An unusable key pair says which file is wrong and what", ignore }, async (t) => {
  using folder = temporaryFolder();
  const cert = certificatePath("first.pem");
  const key = certificatePath("first.key");
  const pem = (label: string, text: string) =>
    `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
  const cases: [what: string, cert: string, key: string, wrong: "cert" | "key", RegExp][] = [
    [
      "missing",
      `${folder.path}/none`,
      key,
      "cert",
      /^Cannot use --tls-cert .*there is no such file$/,
    ],
    [
      "missing",
      cert,
      `${folder.path}/none`,
      "key",
      /^Cannot use --tls-key .*there is no such file$/,
    ],
    ["folder", folder.path, key, "cert", /it is a folder/],
    ["empty", folder.file("empty", " \n"), key, "cert", /it is empty/],
    ["no PEM", folder.file("text", "hello"), key, "cert", /has no certificate in PEM/],
    ["a key", key, key, "cert", /has no certificate in PEM/],
    ["broken", folder.file("aaaa", pem("CERTIFICATE", "AAAA")), key, "cert", /cannot be read/],
    ["a certificate", cert, cert, "key", /no private key in PEM/],
    ["broken", cert, folder.file("bbbb", pem("PRIVATE KEY", "AAAA")), "key", /cannot be read/],
    [
      "encrypted",
      cert,
      folder.file("encrypted", pem("ENCRYPTED PRIVATE KEY", "AAAA")),
      "key",
      /that is not encrypted/,
    ],
    ["another's", cert, certificatePath("second.key"), "key", /is not the key of the certificate/],
    [
      "too large",
      folder.file("large", "x".repeat(CREDENTIAL_FILE_BYTES_MAX + 1)),
      key,
      "cert",
      /larger than 1048576 bytes/,
    ],
  ];
  for (const [what, certFile, keyFile, wrong, message] of cases) {
    await t.step(`${wrong}: ${what}`, async () => {
      const file = wrong === "cert" ? certFile : keyFile;
      await assert.rejects(
        readServerCredentials({ tls: { certFile, keyFile } }),
        isUnusable(file, message),
      );
    });
  }
});

Deno.test(
  { name: "A token file has tokens, one a line, and white space does not count", ignore },
  async () => {
    using folder = temporaryFolder();
    const file = folder.file("tokens", `\n  ${TOKEN}\t\r\n\nsecond-${TOKEN}`);
    const { tokenDigests } = await readServerCredentials({ authTokenFile: file });
    assert.equal(tokenDigests?.length, 2);
    assert.ok(tokenDigests.every((digest) => digest.length === 32));
    assert.deepEqual(await readClientCredentials({ tokenFile: file }), { token: TOKEN });
  },
);

Deno.test(
  { name: "An unusable token file says which line is wrong, and shows no token", ignore },
  async (t) => {
    using folder = temporaryFolder();
    const cases: [what: string, text: string, RegExp][] = [
      ["empty", "", /it is empty/],
      ["blank", " \n\n", /it is empty/],
      ["short", `${TOKEN}\ntoken-012345678`, /line 2 has 15 characters, at least 16 needed/],
      ["long", `token-${"0".repeat(4_091)}`, /line 1 has 4097 characters, at most 4096/],
      ["a space inside", `token-0123456789 abcdef`, /line 1 has a character/],
      ["a control character", `token-0123456789\u0000`, /line 1 has a character/],
      ["not ASCII", `token-0123456789é`, /line 1 has a character/],
      ["too many", `${TOKEN}\n`.repeat(TOKENS_MAX + 1), /it has 101 tokens, at most 100/],
    ];
    for (const [what, text, message] of cases) {
      await t.step(what, async () => {
        const file = folder.file("tokens", text);
        await assert.rejects(readServerCredentials({ authTokenFile: file }), (error: Error) => {
          assert.ok(!error.message.includes("token-0"), error.message);
          assert.ok(error.message.startsWith("Cannot use --auth-token-file "), error.message);
          return isUnusable(file, message)(error);
        });
        await assert.rejects(
          readClientCredentials({ tokenFile: file }),
          /Cannot use --token-file /,
        );
      });
    }
  },
);

Deno.test({ name: "A file of authorities has certificates that can be read", ignore }, async () => {
  using folder = temporaryFolder();
  const bundle = certificateText("authority.pem") + certificateText("other_authority.pem");
  const caFile = folder.file("bundle", bundle);
  assert.deepEqual(await readClientCredentials({ tls: { caFile } }), {
    tls: { caCerts: [bundle] },
  });
  assert.deepEqual(await readClientCredentials({ tls: {} }), { tls: { caCerts: [] } });
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  for (
    const [text, message] of [
      ["hello", /it has no certificate in PEM/],
      [bundle + broken, /its certificate 3 cannot be read/],
    ] as const
  ) {
    const file = folder.file("wrong", text);
    await assert.rejects(
      readClientCredentials({ tls: { caFile: file } }),
      isUnusable(file, message),
    );
  }
});
