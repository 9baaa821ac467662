/** Where a file is. */
export type Address =
  /** As it stands: absolute, or relative to the model's folder. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "s3"; readonly bucket: string; readonly key: string };

/** What an address may be, for error messages. */
export const ADDRESS_NEEDED = "a path, file:///…, http(s)://…, or s3://bucket/key";

/** Source: Amazon S3 User Guide, "General purpose bucket naming rules". */
const S3_ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/s;

/**
 * Reads the address of a model's file. A user and password in it are refused: it would be shown.
 *
 * @returns undefined for what is no address
 */
export function parseAddress(text: string): Address | undefined {
  if (text === "" || text.includes("\0")) return undefined;
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) return { kind: "file", path: text };
  const [, bucket, key] = S3_ADDRESS.exec(text) ?? [];
  if (bucket !== undefined) return { kind: "s3", bucket, key };
  const url = URL.parse(text);
  if (url === null) return undefined;
  if (url.protocol === "file:" && url.host === "") {
    const path = decodedPath(url);
    return path === undefined ? undefined : { kind: "file", path };
  }
  const isHttp = url.protocol === "http:" || url.protocol === "https:";
  return isHttp && url.username === "" && url.password === "" ? { kind: "http", url } : undefined;
}

/** The address without what may be a secret: user, password, query and fragment. */
export function publicAddress(text: string): string {
  const url = /^https?:/i.test(text) ? URL.parse(text) : null;
  return url === null ? text : `${url.origin}${url.pathname}`;
}

/** What stands behind the last dot of the file's name, lower-case; empty for none. */
export function extensionOf(address: Address): string {
  const path = address.kind === "http"
    ? address.url.pathname
    : address.kind === "s3"
    ? address.key
    : address.path;
  return /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase() ?? "";
}

function decodedPath({ pathname }: URL): string | undefined {
  try {
    const path = decodeURIComponent(pathname);
    return path.includes("\0") ? undefined : path;
  } catch {
    return undefined;
  }
}
