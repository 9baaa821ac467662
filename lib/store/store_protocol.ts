import type { ErrorCode } from "../errors.ts";
import type { ListedRun, RunPage } from "../invocation/run_store.ts";
import type { RunText } from "./run_text.ts";
import type { StoreOptions } from "./store_options.ts";
import type { StoreUrl } from "./store_url.ts";

/** What a thread does of a store: all, or what only reads and should not wait for what writes. */
export type StorePart = "all" | "reads";

/** What the main thread tells the store's thread. */
export type StoreCommand =
  /** Open the store, answer `opened` or `openFailed`. */
  | {
    readonly type: "open";
    readonly part: StorePart;
    readonly url: StoreUrl;
    readonly options: StoreOptions;
  }
  /** Serve who holds the other end. */
  | ({ readonly type: "join" } & StoreLink)
  /** Finish what was asked for, close the store, answer `closed`. */
  | { readonly type: "close" };

/** What the store's thread tells the main thread. */
export type StoreReport =
  | { readonly type: "opened" }
  | { readonly type: "openFailed"; readonly message: string }
  | { readonly type: "closed" }
  /** It ends itself, and how. */
  | { readonly type: "quit"; readonly how: string };

/** What the main thread tells a serving thread of the store. */
export type StoreNews =
  /** It is open, and served behind these ports. */
  | ({ readonly type: "storeJoined"; readonly readPort: MessagePort | undefined } & StoreLink)
  /** It is down, and why; a port that was told before is dead. */
  | { readonly type: "storeLost"; readonly reason: string };

/** Whether a request is one of the part that only reads. */
export function isRead({ kind }: StoreRequest): boolean {
  return kind === "find" || kind === "list";
}

/** An end of the line between a serving thread and the store's. */
export interface StoreLink {
  /** Takes `StoreCall[]` one way and `StoreReply[]` the other. */
  readonly port: MessagePort;
  /** `CallClaims.allocate`'s memory, which both ends have. */
  readonly claims: SharedArrayBuffer;
}

/** What a serving thread asks of the store. */
export type StoreRequest =
  | { readonly kind: "save"; readonly run: RunText }
  | { readonly kind: "find"; readonly id: number }
  | { readonly kind: "delete"; readonly id: number }
  | { readonly kind: "list"; readonly page: RunPage }
  | { readonly kind: "check" };

/** What each kind of request is answered with. */
export interface StoreAnswers {
  readonly save: void;
  readonly find: RunText | undefined;
  readonly delete: boolean;
  readonly list: readonly ListedRun[];
  readonly check: void;
}

/** A request, and which claim is the call's until it is answered. */
export interface StoreCall {
  readonly slot: number;
  readonly request: StoreRequest;
}

export type StoreReply =
  | { readonly slot: number; readonly value: StoreAnswers[keyof StoreAnswers] }
  | { readonly slot: number; readonly code: ErrorCode; readonly message: string };

/** What a message says of a request: `save run 7`. */
export function describeRequest(request: StoreRequest): string {
  switch (request.kind) {
    case "save":
      return `save run ${request.run.id}`;
    case "find":
      return `find run ${request.id}`;
    case "delete":
      return `delete run ${request.id}`;
    case "list":
      return "list runs";
    case "check":
      return "use the store";
  }
}
