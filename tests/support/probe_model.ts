import type { CallOptions } from "../../lib/grpc/client_call.ts";
import type { InferenceClient } from "../../lib/services/inference_client.ts";
import type { FixedTensor } from "../../lib/tensor/tensor.ts";
import type { FileContent } from "./served_models.ts";

/** What the probe does with a row of each of these values; any other is doubled. */
export const PROBE = {
  /** Throws an input error for the whole batch. */
  bad: -1,
  /** Answers with a result too many. */
  miscount: -2,
  /** Throws in a timer, outside of any call. */
  throws: -3,
  close: -4,
  exit: -5,
  /** Loops for ever. */
  loops: -6,
  /** Returns a promise that never settles. */
  silent: -7,
  /** Loops for ever in a timer, once it has answered. */
  loopsLater: -8,
  /** Ends its thread in a timer, once it has answered. */
  closesLater: -9,
} as const;

/** Rows of this value and above wait until the gate opens. */
export const HELD = 1_000;

const SCRIPT = `
let calls = 0;
let gate;
let opened = Promise.withResolvers();
let isOpen = false;
export function load({ environment }) {
  gate = new BroadcastChannel("probe " + environment.name);
  gate.onmessage = ({ data }) => {
    if (data !== "open") return;
    isOpen = true;
    opened.resolve();
  };
  gate.postMessage("loaded");
}
export async function predict(batch, { inputError }) {
  const call = ++calls;
  const xs = batch.map(({ x }) => x);
  gate.postMessage(xs);
  if (!isOpen && xs.some((x) => x >= ${HELD})) await opened.promise;
  if (xs.includes(${PROBE.bad})) throw inputError("x is ${PROBE.bad}");
  if (xs.includes(${PROBE.miscount})) return [];
  if (xs.includes(${PROBE.throws})) {
    setTimeout(() => { throw new Error("thrown in a timer"); }, 0);
    await new Promise(() => {});
  }
  // What was posted goes down with the thread unless it has left.
  if (xs.some((x) => x < 0)) await new Promise((resolve) => setTimeout(resolve, 20));
  if (xs.includes(${PROBE.close})) self.close();
  if (xs.includes(${PROBE.exit})) Deno.exit(3);
  if (xs.includes(${PROBE.loops})) for (;;);
  if (xs.includes(${PROBE.silent})) await new Promise(() => {});
  if (xs.includes(${PROBE.loopsLater})) setTimeout(() => { for (;;); }, 0);
  if (xs.includes(${PROBE.closesLater})) setTimeout(() => self.close(), 0);
  return xs.map((x) => ({ y: SCALE * x, rows: batch.length, call }));
}
`;

/** A model that tells of its batches: y = 2x, the rows of the batch, and how many calls there were. */
export function probeModel(
  name: string,
  config: Record<string, unknown> = {},
): Record<string, FileContent> {
  return { [`${name}/model.json`]: probeConfig(config), [`${name}/1/model.js`]: probeScript() };
}

export function probeConfig(config: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    platform: "script",
    inputs: [{ name: "x", datatype: "FP64", shape: [-1] }],
    outputs: [
      { name: "y", datatype: "FP64", shape: [-1] },
      { name: "rows", datatype: "INT32", shape: [-1] },
      { name: "call", datatype: "INT32", shape: [-1] },
    ],
    ...config,
  };
}

/** @param scale what each x is multiplied by */
export function probeScript(scale = 2): string {
  return SCRIPT.replace("SCALE", String(scale));
}

/** What came of a request to a probe. */
export interface ProbeAnswer {
  readonly y: readonly number[];
  /** Of the batch that it was computed in. */
  readonly rows: readonly number[];
  readonly call: number;
  readonly version: string;
  readonly cache: string | undefined;
  /** Milliseconds in the queue, by the server's own account. */
  readonly queueMs: number;
}

/** Asks a probe for the answers to rows. */
export async function probe(
  client: InferenceClient,
  model: string,
  xs: readonly number[],
  { priority, version, ...options }: CallOptions & { priority?: number; version?: string } = {},
): Promise<ProbeAnswer> {
  let cache: string | undefined;
  let timing = "";
  const x = {
    name: "x",
    datatype: "FP64",
    shape: [xs.length],
    data: Float64Array.from(xs),
  } as const;
  const { answer } = await client.infer({ model, inputs: [x], priority, version }, {
    ...options,
    onTrailers: (trailers) => {
      cache = trailers.get("cache") as string | undefined;
      timing = String(trailers.get("server-timing") ?? "");
    },
  });
  const [y, rows, call] = (answer.outputs as readonly FixedTensor[]).map(({ data }) =>
    Array.from(data, Number)
  );
  const queueMs = Number(/queue;dur=([\d.]+)/.exec(timing)?.[1] ?? 0);
  return { y, rows, call: call[0], version: answer.version, cache, queueMs };
}

/** The test's side of a probe: hears of its batches, and opens its gate. */
export class ProbeGate implements Disposable {
  readonly #channel: BroadcastChannel;
  readonly #batches: (readonly number[])[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(model: string) {
    this.#channel = new BroadcastChannel(`probe ${model}`);
    this.#channel.onmessage = ({ data }: MessageEvent<"loaded" | readonly number[]>) => {
      if (typeof data === "string") return;
      this.#batches.push(data);
      this.#waiting?.resolve();
    };
  }

  /** Every batch that any instance began so far, by its rows. */
  get batches(): readonly (readonly number[])[] {
    return this.#batches;
  }

  /** Resolves once so many batches have begun. */
  async begun(count: number): Promise<void> {
    while (this.#batches.length < count) {
      this.#waiting = Promise.withResolvers<void>();
      await this.#waiting.promise;
    }
  }

  /** For instances that have loaded by now. */
  open(): void {
    this.#channel.postMessage("open");
  }

  [Symbol.dispose](): void {
    this.#channel.close();
  }
}
