import { OperationError } from "../errors.ts";
import { CallClaims } from "./call_claims.ts";
import {
  describeRequest,
  type StoreAnswers,
  type StoreCall,
  type StoreLink,
  type StoreReply,
  type StoreRequest,
} from "./store_protocol.ts";
import type { Begin, TextStore } from "./text_store.ts";

/** The store's end of the lines to serving threads: does what they ask for. */
export class StoreServer {
  readonly #store: TextStore;
  readonly #ports = new Set<MessagePort>();
  readonly #running = new Set<Promise<void>>();

  constructor(store: TextStore) {
    this.#store = store;
  }

  /** Serves one thread. Its calls are made in their order; what they wait for, they wait for together. */
  join({ port, claims }: StoreLink): void {
    this.#ports.add(port);
    const calls = new CallClaims(claims);
    const replies = new Replies(port);
    port.onmessage = ({ data }: MessageEvent<readonly StoreCall[]>) => {
      for (const call of data) {
        const running = this.#answer(call, calls).then((reply) => replies.add(reply));
        this.#running.add(running);
        running.finally(() => this.#running.delete(running));
      }
    };
  }

  /** Finishes what has arrived, and closes the store. */
  async close(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#store.close();
    for (const port of this.#ports) port.close();
  }

  async #answer({ slot, request }: StoreCall, claims: CallClaims): Promise<StoreReply> {
    try {
      const begin = () => {
        if (claims.claim(slot)) return;
        throw new OperationError(
          "deadline-exceeded",
          `Cannot ${describeRequest(request)}: the caller has given up`,
        );
      };
      return { slot, value: await this.#run(request, begin) };
    } catch (error) {
      if (error instanceof OperationError) {
        return { slot, code: error.code, message: error.message };
      }
      const reason = error instanceof Error ? error.message : String(error);
      const message = `Cannot ${describeRequest(request)}: ${reason}`;
      return { slot, code: "internal", message };
    }
  }

  #run(request: StoreRequest, begin: Begin): Promise<StoreAnswers[keyof StoreAnswers]> {
    switch (request.kind) {
      case "save":
        return this.#store.save(request.run, begin);
      case "find":
        begin();
        return this.#store.find(request.id);
      case "delete":
        return this.#store.delete(request.id, begin);
      case "list":
        begin();
        return this.#store.list(request.page);
      case "check":
        begin();
        return this.#store.check();
    }
  }
}

/** Answers that are there at once leave in one message: each costs as much as a small save in memory. */
class Replies {
  readonly #port: MessagePort;
  #replies: StoreReply[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
  }

  add(reply: StoreReply): void {
    if (this.#replies.push(reply) === 1) queueMicrotask(() => this.#send());
  }

  #send(): void {
    this.#port.postMessage(this.#replies);
    this.#replies = [];
  }
}
