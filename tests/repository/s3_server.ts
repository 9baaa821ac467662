import { createHash, createHmac } from "node:crypto";

/** What an S3 server of a test knows. */
export interface StoredObjects {
  /** By bucket and key, unescaped: `models/a b.onnx`. */
  readonly objects: Map<string, string>;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * A store that checks signatures as the specification says, from the request as it came over the wire.
 *
 * Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header".
 */
export function answerS3(request: Request, store: StoredObjects): Response {
  const reason = wrongWith(request, store);
  if (reason !== undefined) return refusal(403, reason);
  const content = store.objects.get(decodeURIComponent(new URL(request.url).pathname).slice(1));
  if (content === undefined) return refusal(404, "NoSuchKey");
  const etag = `"${createHash("md5").update(content).digest("hex")}"`;
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
  return new Response(content, { headers: { etag } });
}

function wrongWith(
  request: Request,
  { accessKeyId, secretAccessKey, sessionToken }: StoredObjects,
): string | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/;
  const [, id, day, region, signedHeaders, signature] =
    pattern.exec(request.headers.get("authorization") ?? "") ?? [];
  if (id === undefined) return "AccessDenied";
  if (id !== accessKeyId) return "InvalidAccessKeyId";
  if ((request.headers.get("x-amz-security-token") ?? undefined) !== sessionToken) {
    return "InvalidToken";
  }
  const { pathname } = new URL(request.url);
  const payload = request.headers.get("x-amz-content-sha256") ?? "";
  const headers = signedHeaders.split(";").map((name) => `${name}:${request.headers.get(name)}\n`);
  const canonical = [request.method, pathname, "", headers.join(""), signedHeaders, payload];
  const hash = createHash("sha256").update(canonical.join("\n")).digest("hex");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${request.headers.get("x-amz-date")}\n${scope}\n${hash}`;
  const key = [day, region, "s3", "aws4_request"].reduce<string | Uint8Array>(
    (key, part) => createHmac("sha256", key).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const right = createHmac("sha256", key).update(text).digest("hex");
  return right === signature ? undefined : "SignatureDoesNotMatch";
}

function refusal(status: number, code: string): Response {
  const xml = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>No</Message></Error>`;
  return new Response(xml, { status });
}
