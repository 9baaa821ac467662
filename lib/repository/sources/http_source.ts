import { OperationError } from "../../errors.ts";
import { MODEL_SOURCE_REDIRECTS_MAX } from "../../limits.ts";
import { publicAddress } from "./address.ts";
import type { FileSource, SourceFile } from "./source.ts";

/** Characters of a refusal that are looked at for its reason. */
const REFUSAL_CHARS_MAX = 4_096;

/** Redirects whose method and target stand. Source: RFC 9110 §15.4. */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * The file at a web address, whose hash is known, so that it is never asked whether it has changed.
 * Redirects are followed, but from TLS never to plain text.
 */
export function httpSource(address: URL): FileSource {
  return {
    async open(_known, signal) {
      let url = address;
      for (let hops = 0; hops <= MODEL_SOURCE_REDIRECTS_MAX; hops++) {
        const response = await ask(new Request(url, { signal, headers: IDENTITY }), signal);
        if (!REDIRECTS.includes(response.status)) {
          return await fileOf(response, url.href, undefined);
        }
        await response.body?.cancel();
        url = target(url, response.headers.get("location"));
      }
      const text = `it redirected more than ${MODEL_SOURCE_REDIRECTS_MAX} times`;
      throw unfetched("failed-precondition", address.href, text);
    },
  };
}

/** The hash is of the file as it lies there, so nobody shall pack it on the way. */
export const IDENTITY: Readonly<Record<string, string>> = { "accept-encoding": "identity" };

/**
 * Sends a request; redirects are answers.
 *
 * @throws {OperationError} `unavailable` when there is no answer
 */
export async function ask(request: Request, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(request, { redirect: "manual" });
  } catch (cause) {
    signal.throwIfAborted();
    throw unfetched("unavailable", request.url, "the server cannot be reached", cause);
  }
}

/**
 * What an answer brings.
 *
 * @throws {OperationError} `not-found`, `failed-precondition` or `unavailable`, by the answer's status
 */
export async function fileOf(
  response: Response,
  address: string,
  known: string | undefined,
): Promise<SourceFile | "unchanged"> {
  const { status, headers, body } = response;
  if (status === 304 && known !== undefined) {
    await body?.cancel();
    return "unchanged";
  }
  if (status !== 200 || body === null) throw await refusal(response, address);
  const length = headers.get("content-length");
  const isPacked = headers.has("content-encoding");
  return {
    validator: headers.get("etag") ?? undefined,
    bytes: length === null || isPacked ? undefined : Number(length),
    body,
  };
}

/** The error for a file that cannot be had. */
export function unfetched(
  code: "not-found" | "failed-precondition" | "unavailable" | "resource-exhausted",
  address: string,
  reason: string,
  cause?: unknown,
): OperationError {
  const options = cause === undefined ? {} : { cause };
  return new OperationError(code, `Cannot fetch ${publicAddress(address)}: ${reason}`, options);
}

async function refusal(response: Response, address: string): Promise<OperationError> {
  const { status, statusText } = response;
  const code = status === 404 || status === 410
    ? "not-found"
    : status >= 500 || status === 429
    ? "unavailable"
    : "failed-precondition";
  const reason = await s3Reason(response);
  const said = reason === undefined ? "" : ` (${reason})`;
  return unfetched(code, address, `it answered ${status} ${statusText}${said}, needs 200`);
}

/** What S3 calls the reason in the XML of its refusals; undefined for other servers. */
async function s3Reason({ body }: Response): Promise<string | undefined> {
  let text = "";
  try {
    for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part;
      if (text.length >= REFUSAL_CHARS_MAX) break;
    }
  } catch {
    // The refusal was cut short; its status is known.
  }
  return /<Error>.*?<Code>([A-Za-z]{1,64})<\/Code>/s.exec(text)?.[1];
}

function target(from: URL, location: string | null): URL {
  const to = location === null ? null : URL.parse(location, from);
  const isWeb = to?.protocol === "https:" ||
    to?.protocol === "http:" && from.protocol === "http:";
  if (to !== null && isWeb) return to;
  const found = to === null ? "nowhere" : `to ${to.protocol}//`;
  throw unfetched(
    "failed-precondition",
    from.href,
    `it redirects ${found}, needs ${from.protocol}//`,
  );
}
