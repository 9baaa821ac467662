import type { RequestHead } from "../http2/message_head.ts";
import type { GrpcError } from "./status.ts";

/** Decides who may call, by a request's head. Declared here, implemented by who knows the credentials. */
export interface Authenticator {
  /**
   * Why the call is refused, `undefined` when it may be made.
   *
   * The answer is kept for requests that repeat the head, so it must depend on the head alone.
   */
  refusalOf(head: RequestHead): GrpcError | undefined;
}
