import type { RequestHead } from "../http2/message_head.ts";
import type { GrpcError } from "./status.ts";

/** Whether a call changes what is served, for everybody. */
export type CallKind = "management";

/** Decides who may call, by a request's head. Declared here, implemented by who knows the credentials. */
export interface Authenticator {
  /**
   * Why the call is refused, `undefined` when it may be made.
   *
   * The answer is kept for requests that repeat the head, so it must depend on the head alone, and on what
   * the caller knows the call to be where its path is not gRPC's.
   */
  refusalOf(head: RequestHead, kind?: CallKind): GrpcError | undefined;
}
