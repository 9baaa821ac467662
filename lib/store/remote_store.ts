import { OperationError } from "../errors.ts";
import type { Run } from "../invocation/run.ts";
import type { ListedRun, RunPage, RunStore } from "../invocation/run_store.ts";
import { STORE_CALL_BYTES_MAX, STORE_CALLS_MAX } from "../limits.ts";
import { DeadlineTimer } from "../timing/deadline_timer.ts";
import { CallClaims } from "./call_claims.ts";
import { RemoteCall } from "./remote_call.ts";
import { decodeRun, encodeRun } from "./run_text.ts";
import {
  describeRequest,
  isRead,
  type StoreAnswers,
  type StoreCall,
  type StoreNews,
  type StoreReply,
  type StoreRequest,
} from "./store_protocol.ts";

/** What a serving thread's end of the store is made with. */
export interface RemoteStoreOptions {
  /** Within which every call is answered, or fails. */
  readonly timeoutMs: number;
  /** Asks the main thread to open the store, once: it goes on trying, and news will come. */
  need(): void;
  /** The most calls without an answer. */
  readonly callsMax?: number;
  /** The most bytes of runs in them. */
  readonly callBytesMax?: number;
}

/** The line to the store, or two: what only reads may have a thread of its own. */
interface Link {
  readonly port: MessagePort;
  readonly readPort: MessagePort | undefined;
  readonly claims: CallClaims;
}

/**
 * The store, as a serving thread sees it: calls go over a port to the store's thread.
 *
 * The first call asks for the store. Calls wait for it to open; while it is down they fail at once with the reason.
 * Each ends by its deadline, or when its signal aborts (it rejects with the signal's reason); what has not been
 * begun by then never is.
 */
export class RemoteStore implements RunStore {
  readonly #options: RemoteStoreOptions;
  readonly #timer = new DeadlineTimer();
  readonly #freeSlots: number[];
  /** Without an answer, by slot. */
  readonly #calls = new Map<number, RemoteCall>();
  readonly #callsMax: number;
  readonly #callBytesMax: number;
  /** Of all of them. */
  #bytes = 0;
  #link: Link | undefined;
  /** Why the store is down. */
  #lost: string | undefined;
  #asked = false;
  #closed = false;
  /** Made since the last message to the store left. */
  #unsent: RemoteCall[] = [];
  #sending = false;

  constructor(options: RemoteStoreOptions) {
    this.#options = options;
    this.#callsMax = Math.min(options.callsMax ?? STORE_CALLS_MAX, STORE_CALLS_MAX);
    this.#callBytesMax = options.callBytesMax ?? STORE_CALL_BYTES_MAX;
    this.#freeSlots = Array.from({ length: this.#callsMax }, (_, slot) => slot);
  }

  /** The main thread says how the store is. */
  hear(news: StoreNews): void {
    const before = this.#link;
    this.#link = undefined;
    if (before !== undefined) closeLink(before);
    if (news.type === "storeLost") {
      this.#lost = news.reason;
      this.#unsent = [];
      return this.#lose(`the store is down: ${news.reason}`);
    }
    this.#lose("the store was replaced");
    this.#lost = undefined;
    const { port, readPort } = news;
    const link = { port, readPort, claims: new CallClaims(news.claims) };
    if (this.#closed && this.#calls.size === 0) return closeLink(link);
    this.#link = link;
    const onMessage = ({ data }: MessageEvent<readonly StoreReply[]>) => {
      if (link !== this.#link) return;
      for (const reply of data) this.#onReply(reply);
    };
    port.onmessage = onMessage;
    if (readPort !== undefined) readPort.onmessage = onMessage;
    this.#send();
  }

  async save(run: Run, signal?: AbortSignal): Promise<void> {
    const text = encodeRun(run);
    const bytes = 2 * (text.input.length + text.output.length);
    await this.#call({ kind: "save", run: text }, bytes, signal);
  }

  async find(id: number, signal?: AbortSignal): Promise<Run | undefined> {
    const text = await this.#call({ kind: "find", id }, 0, signal);
    return text && decodeRun(text);
  }

  async delete(id: number, signal?: AbortSignal): Promise<boolean> {
    return await this.#call({ kind: "delete", id }, 0, signal);
  }

  async list(page: RunPage, signal?: AbortSignal): Promise<readonly ListedRun[]> {
    return await this.#call({ kind: "list", page }, 0, signal);
  }

  async check(signal?: AbortSignal): Promise<void> {
    await this.#call({ kind: "check" }, 0, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#calls.values()].map(({ settled }) => settled));
    this.#timer.close();
    if (this.#link !== undefined) closeLink(this.#link);
    this.#link = undefined;
  }

  #call<Request extends StoreRequest>(
    request: Request,
    bytes: number,
    signal: AbortSignal | undefined,
  ): Promise<StoreAnswers[Request["kind"]]> {
    signal?.throwIfAborted();
    if (this.#closed) throw failure("unavailable", request, "the store was closed");
    if (!this.#asked) {
      this.#asked = true;
      this.#options.need();
    }
    if (this.#lost !== undefined) {
      throw failure("unavailable", request, `the store is down: ${this.#lost}`);
    }
    const slot = this.#takeSlot(request, bytes);
    const call = new RemoteCall({
      slot,
      request,
      bytes,
      timeoutMs: this.#options.timeoutMs,
      timer: this.#timer,
      signal,
      onUnsent: (call) => {
        this.#unsent.splice(this.#unsent.indexOf(call), 1);
        this.#free(call);
      },
    });
    this.#calls.set(slot, call);
    this.#unsent.push(call);
    if (this.#link !== undefined && !this.#sending) {
      this.#sending = true;
      // What one turn of this thread's loop asks for leaves together.
      queueMicrotask(() => this.#send());
    }
    return call.settled as Promise<StoreAnswers[Request["kind"]]>;
  }

  #takeSlot(request: StoreRequest, bytes: number): number {
    if (this.#calls.size >= this.#callsMax) {
      const problem = `${this.#callsMax} calls wait for the store already`;
      throw failure("resource-exhausted", request, problem);
    }
    if (bytes > 0 && this.#bytes > 0 && this.#bytes + bytes > this.#callBytesMax) {
      const problem =
        `${this.#bytes} B of runs wait for the store already, and this one has ${bytes}`;
      throw failure(
        "resource-exhausted",
        request,
        `${problem}; needs ${this.#callBytesMax} together at most`,
      );
    }
    this.#bytes += bytes;
    return this.#freeSlots.pop() as number;
  }

  #send(): void {
    this.#sending = false;
    if (this.#link === undefined || this.#unsent.length === 0) return;
    const { port, readPort, claims } = this.#link;
    const sent = this.#unsent;
    this.#unsent = [];
    for (const call of sent) call.onSent(claims);
    if (readPort === undefined) return post(port, sent);
    post(port, sent.filter(({ request }) => !isRead(request)));
    post(readPort, sent.filter(({ request }) => isRead(request)));
  }

  #onReply(reply: StoreReply): void {
    const call = this.#calls.get(reply.slot);
    if (call === undefined) return;
    this.#link?.claims.reset(reply.slot);
    this.#free(call);
    call.onReply(reply);
  }

  #free(call: RemoteCall): void {
    this.#calls.delete(call.slot);
    this.#freeSlots.push(call.slot);
    this.#bytes -= call.bytes;
  }

  /** Fails all calls but those that are still to be sent. */
  #lose(reason: string): void {
    const unsent = new Set(this.#unsent);
    for (const call of [...this.#calls.values()]) {
      if (unsent.has(call)) continue;
      this.#free(call);
      call.onLost(reason);
    }
  }
}

function post(port: MessagePort, sent: readonly RemoteCall[]): void {
  if (sent.length === 0) return;
  const calls: StoreCall[] = sent.map(({ slot, request }) => ({ slot, request }));
  port.postMessage(calls);
}

function closeLink({ port, readPort }: Link): void {
  port.close();
  readPort?.close();
}

function failure(
  code: "unavailable" | "resource-exhausted",
  request: StoreRequest,
  problem: string,
): OperationError {
  return new OperationError(code, `Cannot ${describeRequest(request)}: ${problem}`);
}
