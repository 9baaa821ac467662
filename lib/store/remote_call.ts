import { OperationError } from "../errors.ts";
import type { DeadlineTimer, Expiring } from "../timing/deadline_timer.ts";
import type { CallClaims } from "./call_claims.ts";
import {
  describeRequest,
  type StoreAnswers,
  type StoreReply,
  type StoreRequest,
} from "./store_protocol.ts";

/** What a call of the store is made with. */
export interface RemoteCallParts {
  readonly slot: number;
  readonly request: StoreRequest;
  /** What it holds of the line's bytes. */
  readonly bytes: number;
  readonly timeoutMs: number;
  readonly timer: DeadlineTimer;
  readonly signal: AbortSignal | undefined;
  /** It has failed before it was sent, and never will be. */
  onUnsent(call: RemoteCall): void;
}

/**
 * A call of the store, seen from who makes it.
 *
 * ```text
 *  unsent ──► sent ──► answered, or lost with the store
 *     └─────────┴────► given up: at its deadline, or by its signal
 * ```
 *
 * A call that is given up after it was sent holds its slot until it is answered.
 */
export class RemoteCall implements Expiring {
  readonly slot: number;
  readonly request: StoreRequest;
  readonly bytes: number;
  readonly #parts: RemoteCallParts;
  readonly #bucket: number;
  readonly #settled = Promise.withResolvers<StoreAnswers[keyof StoreAnswers]>();
  readonly #onAbort = () => this.#giveUp(this.#parts.signal?.reason);
  #claims: CallClaims | undefined;

  constructor(parts: RemoteCallParts) {
    this.#parts = parts;
    this.slot = parts.slot;
    this.request = parts.request;
    this.bytes = parts.bytes;
    this.#bucket = parts.timer.add(this, performance.now() + parts.timeoutMs);
    parts.signal?.addEventListener("abort", this.#onAbort);
  }

  get settled(): Promise<StoreAnswers[keyof StoreAnswers]> {
    return this.#settled.promise;
  }

  /** It is on its way to a store that claims calls there. */
  onSent(claims: CallClaims): void {
    this.#claims = claims;
  }

  onReply(reply: StoreReply): void {
    this.#end();
    if ("code" in reply) this.#settled.reject(new OperationError(reply.code, reply.message));
    else this.#settled.resolve(reply.value);
  }

  /** The store is gone. */
  onLost(reason: string): void {
    this.#end();
    const message = `${this.#cannot}: ${reason}${this.#claims ? this.#outcome() : ""}`;
    this.#settled.reject(new OperationError("unavailable", message));
  }

  onDeadline(): void {
    const { timeoutMs } = this.#parts;
    if (this.#claims === undefined) {
      return this.#giveUp(this.#expired(`the store was not open after ${timeoutMs} ms`));
    }
    this.#giveUp(this.#expired(`no answer from the store after ${timeoutMs} ms${this.#outcome()}`));
  }

  #giveUp(reason: unknown): void {
    this.#end();
    this.#settled.reject(reason);
    if (this.#claims === undefined) this.#parts.onUnsent(this);
    else this.#claims.giveUp(this.slot);
  }

  /** Gives up, if it has not been begun; else says that nobody knows. Reads have no outcome but their answer. */
  #outcome(): string {
    const { kind } = this.request;
    const begun = this.#claims !== undefined && !this.#claims.giveUp(this.slot);
    return begun && (kind === "save" || kind === "delete") ? "; the outcome is not known" : "";
  }

  #expired(problem: string): OperationError {
    return new OperationError("deadline-exceeded", `${this.#cannot}: ${problem}`);
  }

  get #cannot(): string {
    return `Cannot ${describeRequest(this.request)}`;
  }

  #end(): void {
    this.#parts.timer.remove(this, this.#bucket);
    this.#parts.signal?.removeEventListener("abort", this.#onAbort);
  }
}
