import { createHash, timingSafeEqual } from "node:crypto";
import type { Authenticator, CallKind } from "../grpc/authenticator.ts";
import { Metadata } from "../grpc/metadata.ts";
import { Code, GrpcError } from "../grpc/status.ts";
import type { RequestHead } from "../http2/message_head.ts";

/** Services that answer without a token: whoever asks for a server's health has none. */
const PUBLIC_SERVICES = ["grpc.health.v1.Health"];

/** Methods that change what is served, for everybody. */
const MANAGEMENT_PATHS: readonly string[] = [
  "/inference.GRPCInferenceService/RepositoryModelLoad",
  "/inference.GRPCInferenceService/RepositoryModelUnload",
];

/** The scheme in any case, one space or more, the token. Source: RFC 9110 §11.1, §11.4. */
const BEARER = /^bearer +(\S+)$/i;

/** What stands for a token where it is compared: nothing that holds it can tell it. */
export function digestOf(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(token).digest());
}

/** The metadata with which a client shows its token; never in a compression table. */
export function bearerMetadata(token: string): Metadata {
  return new Metadata().append("authorization", `Bearer ${token}`);
}

/** SHA-256 of the tokens that are valid, of `digestOf`. */
export interface ValidTokens {
  /** For all calls but management; undefined where everybody may make them. */
  readonly callers: readonly Uint8Array[] | undefined;
  /** For all calls; undefined where callers may manage, too. */
  readonly admins: readonly Uint8Array[] | undefined;
}

/**
 * Lets those call who show one of several tokens as `authorization: Bearer …`, and those load and unload models
 * who show one of an administrator's, where there are such.
 *
 * How long a comparison takes tells nothing of a token, only how many there are: digests of equal
 * length are compared, with all of them, whole. No message says what was shown.
 *
 * Cost: 5 µs for a head that was not seen before.
 * Source: RFC 6750 §2.1.
 */
export class BearerAuth implements Authenticator {
  readonly #valid: ValidTokens;

  constructor(valid: ValidTokens) {
    this.#valid = valid;
  }

  refusalOf({ path = "", fields }: RequestHead, kind?: CallKind): GrpcError | undefined {
    const { callers, admins } = this.#valid;
    const isManagement = kind === "management" || MANAGEMENT_PATHS.includes(path);
    const needsAdmin = isManagement && admins !== undefined;
    if (!needsAdmin && callers === undefined) return undefined;
    if (PUBLIC_SERVICES.some((service) => path.startsWith(`/${service}/`))) return undefined;
    const shown = fields.filter(({ name }) => name === "authorization");
    if (shown.length === 0) return refusal("no authorization");
    if (shown.length > 1) return refusal(`${shown.length} authorizations`);
    const token = BEARER.exec(shown[0].value)?.[1];
    if (token === undefined) return refusal("an authorization of another kind");
    const digest = digestOf(token);
    const isAdmin = holds(admins, digest);
    const isCaller = holds(callers, digest);
    if (isAdmin || isCaller && !needsAdmin) return undefined;
    return isCaller ? denial() : refusal("a token that is not valid");
  }
}

function holds(digests: readonly Uint8Array[] | undefined, digest: Uint8Array): boolean {
  let equal = 0;
  for (const valid of digests ?? []) equal += timingSafeEqual(digest, valid) ? 1 : 0;
  return equal > 0;
}

function denial(): GrpcError {
  return new GrpcError(
    Code.PERMISSION_DENIED,
    "Cannot manage models: a token that may call found, need one that may manage",
  );
}

function refusal(found: string): GrpcError {
  return new GrpcError(
    Code.UNAUTHENTICATED,
    `Cannot authenticate: ${found} found, need authorization: Bearer and one valid token`,
  );
}
