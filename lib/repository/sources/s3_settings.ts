import { OperationError } from "../../errors.ts";

/** Who we are to a store, and where it is. */
export interface S3Settings {
  /** Undefined: requests are not signed, which public buckets allow. */
  readonly credentials: S3Credentials | undefined;
  readonly region: string;
  /** Of a store that is not Amazon's; its buckets are the first part of the path. */
  readonly endpoint: URL | undefined;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken: string | undefined;
}

/** The variables that `readS3Settings` asks for, which is what needs permission. */
export const S3_VARIABLES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
] as const;

type Variable = typeof S3_VARIABLES[number];

/** The region of what has none: what Amazon's own tools and most other stores take. */
const REGION_DEFAULT = "us-east-1";

/**
 * The settings that the usual variables say.
 *
 * Source: AWS SDKs and Tools Reference Guide, "Environment variables".
 *
 * @param read the value of a variable; undefined, or empty, when it is not set
 * @throws {OperationError} `failed-precondition` naming the variable that is wrong or missing; never its value
 */
export function readS3Settings(read: (name: Variable) => string | undefined): S3Settings {
  const get = (name: Variable) => read(name) || undefined;
  return {
    credentials: readCredentials(get),
    region: get("AWS_REGION") ?? get("AWS_DEFAULT_REGION") ?? REGION_DEFAULT,
    endpoint: readEndpoint("AWS_ENDPOINT_URL_S3", get) ?? readEndpoint("AWS_ENDPOINT_URL", get),
  };
}

function readCredentials(get: (name: Variable) => string | undefined): S3Credentials | undefined {
  const accessKeyId = get("AWS_ACCESS_KEY_ID");
  const secretAccessKey = get("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined) throw unusable("AWS_SECRET_ACCESS_KEY needs AWS_ACCESS_KEY_ID");
  if (secretAccessKey === undefined) {
    throw unusable("AWS_ACCESS_KEY_ID needs AWS_SECRET_ACCESS_KEY");
  }
  return { accessKeyId, secretAccessKey, sessionToken: get("AWS_SESSION_TOKEN") };
}

function readEndpoint(
  name: Variable,
  get: (name: Variable) => string | undefined,
): URL | undefined {
  const text = get(name);
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw unusable(`${name} is no address of a server, needs http(s)://`);
}

function unusable(reason: string): OperationError {
  return new OperationError("failed-precondition", `Cannot use S3: ${reason}`);
}
