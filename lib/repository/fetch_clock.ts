import { OperationError } from "../errors.ts";
import { MODEL_SOURCE_TOTAL_MS } from "../limits.ts";
import { publicAddress } from "./sources/address.ts";

/** Gives a fetch up when its caller does, when it stands still for too long, or takes too long as a whole. */
export class FetchClock implements Disposable {
  readonly #controller = new AbortController();
  readonly #address: string;
  readonly #caller: AbortSignal;
  readonly #total: ReturnType<typeof setTimeout>;
  #stall: ReturnType<typeof setTimeout> | undefined;

  /** @param address for the error message */
  constructor(address: string, caller: AbortSignal) {
    this.#address = publicAddress(address);
    this.#caller = caller;
    this.#total = setTimeout(
      () => this.#expire("not done", MODEL_SOURCE_TOTAL_MS),
      MODEL_SOURCE_TOTAL_MS,
    );
    if (caller.aborted) this.#follow();
    caller.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has moved; the next has to within `ms`. */
  restart(ms: number): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => this.#expire("nothing has come", ms), ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#stall);
    clearTimeout(this.#total);
    this.#caller.removeEventListener("abort", this.#follow);
  }

  #expire(what: string, ms: number): void {
    const text = `Cannot fetch ${this.#address}: ${what} for ${ms / 1_000} s`;
    this.#controller.abort(new OperationError("unavailable", text));
  }

  readonly #follow = () => this.#controller.abort(this.#caller.reason);
}
