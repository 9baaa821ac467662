import { CallSlot } from "./call_slot.ts";

/** How slots are made. */
export interface SlotPoolOptions<Response> {
  readonly connections: number;
  readonly slotsPerConnection: number;
  readonly newSlot: (connection: number) => CallSlot<Response>;
}

/**
 * The slots of an open loop, made as they are needed. Connections take turns; one that has all of its
 * slots in use, as when its server stalls, is left out.
 */
export class SlotPool<Response> {
  readonly #options: SlotPoolOptions<Response>;
  readonly #free: readonly CallSlot<Response>[][];
  readonly #made: Int32Array;
  readonly #all: CallSlot<Response>[] = [];
  #turn = 0;
  #busy = 0;

  constructor(options: SlotPoolOptions<Response>) {
    this.#options = options;
    this.#free = Array.from({ length: options.connections }, () => []);
    this.#made = new Int32Array(options.connections);
  }

  /** Slots in use. */
  get busy(): number {
    return this.#busy;
  }

  /** Every slot there is, in use or not. */
  get all(): readonly CallSlot<Response>[] {
    return this.#all;
  }

  /** A free slot; `undefined` when all are in use. */
  take(): CallSlot<Response> | undefined {
    const { connections, slotsPerConnection } = this.#options;
    if (this.#busy === connections * slotsPerConnection) return undefined;
    for (;;) {
      const connection = this.#turn;
      this.#turn = (this.#turn + 1) % connections;
      const slot = this.#free[connection].pop() ?? this.#make(connection);
      if (slot === undefined) continue;
      this.#busy++;
      return slot;
    }
  }

  release(slot: CallSlot<Response>): void {
    this.#busy--;
    this.#free[slot.connection].push(slot);
  }

  #make(connection: number): CallSlot<Response> | undefined {
    if (this.#made[connection] === this.#options.slotsPerConnection) return undefined;
    this.#made[connection]++;
    const slot = this.#options.newSlot(connection);
    this.#all.push(slot);
    return slot;
  }
}
