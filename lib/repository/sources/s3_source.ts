import { AwsV4Signer } from "aws4fetch";
import { ask, fileOf, IDENTITY, unfetched } from "./http_source.ts";
import type { S3Settings } from "./s3_settings.ts";
import type { FileSource } from "./source.ts";

/** A bucket that can be a host's first label under a certificate for one. */
const HOST_LABEL = /^[a-z0-9-]+$/;

/**
 * An object of an S3 store.
 *
 * Redirects are not followed: a store redirects to another region, whose signature would be another.
 *
 * Source: Amazon S3 API Reference, GetObject; "Authenticating Requests (AWS Signature Version 4)".
 */
export function s3Source(bucket: string, key: string, settings: S3Settings): FileSource {
  const address = `s3://${bucket}/${key}`;
  return {
    async open(known, signal) {
      const headers: Record<string, string> = { ...IDENTITY };
      if (known !== undefined) headers["if-none-match"] = known;
      const url = objectUrl(bucket, key, settings);
      const signed = await sign(url, headers, settings);
      const response = await ask(new Request(url, { headers: signed, signal }), signal);
      const region = response.headers.get("x-amz-bucket-region");
      if (response.status >= 300 && region !== null && region !== settings.region) {
        await response.body?.cancel();
        const text = `the bucket is in region ${region}, AWS_REGION is ${settings.region}`;
        throw unfetched("failed-precondition", address, text);
      }
      return await fileOf(response, address, known);
    },
  };
}

function objectUrl(bucket: string, key: string, { endpoint, region }: S3Settings): URL {
  const path = key.split("/").map(encodeStrictly).join("/");
  if (endpoint !== undefined) {
    return new URL(`${endpoint.origin}${endpoint.pathname.replace(/\/$/, "")}/${bucket}/${path}`);
  }
  const host = `s3.${region}.amazonaws.com`;
  return HOST_LABEL.test(bucket)
    ? new URL(`https://${bucket}.${host}/${path}`)
    : new URL(`https://${host}/${bucket}/${path}`);
}

/** Source: "Create a signed AWS API request", UriEncode: all but the unreserved characters of RFC 3986. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function sign(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { credentials, region }: S3Settings,
): Promise<HeadersInit> {
  if (credentials === undefined) return headers;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const session = sessionToken === undefined ? {} : { sessionToken };
  const service = { service: "s3", region };
  const signer = new AwsV4Signer({
    ...service,
    ...session,
    accessKeyId,
    secretAccessKey,
    url: url.href,
    headers,
  });
  return (await signer.sign()).headers;
}
