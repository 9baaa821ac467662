import assert from "node:assert/strict";
import { Random } from "../fuzz/random.ts";
import { FATAL } from "../pipeline/fatal_values.ts";
import { naivePredict } from "../pipeline/naive_network.ts";
import { networkFile, type NetworkTensor, networkTensors } from "../pipeline/network_file.ts";
import {
  FATAL_INSTANCE,
  idOf,
  type ServedPipeline,
  servePipeline,
} from "../pipeline/served_pipeline.ts";
import { mayLoadModels } from "../support/permissions.ts";

const ignore = !mayLoadModels;
const SEED = 20_261_121;

/** An upload as it was seen from outside; moments count events. */
interface Upload {
  readonly tensors: Readonly<Record<string, NetworkTensor>>;
  readonly begun: number;
  ended: number;
}

/** Uploads and predictions at random, and what is checked of every answer. */
class History {
  readonly #pipeline: ServedPipeline;
  readonly #random: Random;
  readonly #uploads = new Map<string, Upload>();
  #now = 0;
  #idLast = 0;
  answered = 0;

  constructor(pipeline: ServedPipeline, seed: number) {
    this.#pipeline = pipeline;
    this.#random = new Random(seed, 0);
  }

  async upload(): Promise<void> {
    const random = this.#random;
    const isGood = !random.oneIn(4);
    const nnId = idOf(++this.#idLast);
    const tensors = networkTensors(() => (random.below(2_001) - 1_000) / 1_000);
    const upload = { tensors, begun: ++this.#now, ended: Infinity };
    // What nobody takes must not be named, ever.
    if (isGood) this.#uploads.set(nnId, upload);
    const file = networkFile(tensors);
    const { status, body } = await this.#pipeline.upload(nnId, isGood ? file : file.slice(1));
    assert.equal(status, 200);
    assert.equal(body.status, isGood, JSON.stringify(body));
    upload.ended = ++this.#now;
  }

  async predict(fatal?: number): Promise<void> {
    const x = [fatal ?? this.#random.below(1_000) / 1_000, this.#random.below(1_000) / 1_000];
    const begun = ++this.#now;
    const { status, body } = await this.#pipeline.predict(x);
    const ended = ++this.#now;
    if (fatal !== undefined) return assert.equal(status, 503);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.status, true);
    const nnId = String(body.message);
    const named = this.#uploads.get(nnId);
    assert.ok(named !== undefined && named.begun < ended, `${nnId} was not taken`);
    assert.equal(body.result, naivePredict(named.tensors, x));
    for (const other of this.#uploads.values()) {
      const isPast: boolean = named.ended < other.begun && other.ended < begun;
      assert.ok(!isPast, `${nnId} was replaced before the prediction began`);
    }
    this.answered++;
  }

  async status(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { workers } = await this.#pipeline.status() as { workers: Record<string, unknown>[] };
    const ids = new Set(workers.map(({ nn_id }) => nn_id));
    assert.ok(ids.size <= 1, `${[...ids]} serve at once`);
    return workers;
  }
}

/** Runs `act` so often, `inflight` at once. */
async function many(inflight: number, count: number, act: (i: number) => Promise<unknown>) {
  let next = 0;
  await Promise.all(Array.from({ length: inflight }, async () => {
    while (next < count) await act(next++);
  }));
}

Deno.test(
  {
    name: "pipeline: each answer is that of the network that it names, while networks change",
    ignore,
  },
  async () => {
    await using pipeline = await servePipeline(2);
    const history = new History(pipeline, SEED);
    await history.upload();
    while ((await history.status()).every(({ nn_id }) => nn_id === "")) await history.upload();
    await Promise.all([
      many(2, 8, () => history.upload()),
      many(8, 800, () => history.predict()),
      many(1, 100, () => history.status()),
    ]);
    const handled = (await history.status()).map((worker) => Number(worker.count_requests_handled));
    assert.equal(handled[0] + handled[1], history.answered, "each was handled once");
  },
);

Deno.test(
  { name: "pipeline: each answer is that of the network that it names, while workers die", ignore },
  async () => {
    await using pipeline = await servePipeline(3, { instance: FATAL_INSTANCE });
    const history = new History(pipeline, SEED + 1);
    await history.upload();
    while ((await history.status()).every(({ nn_id }) => nn_id === "")) await history.upload();
    await Promise.all([
      many(1, 4, () => history.upload()),
      many(8, 400, (i) => history.predict(i % 200 === 100 ? FATAL.exit : undefined)),
      many(1, 50, () => history.status()),
    ]);
  },
);
