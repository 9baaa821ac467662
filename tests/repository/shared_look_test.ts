import assert from "node:assert/strict";
import { SharedLook } from "../../lib/repository/shared_look.ts";

/** Looks that the test ends; each sees its number. */
class Looks {
  readonly under: PromiseWithResolvers<number>[] = [];
  most = 0;
  #now = 0;

  readonly look = async (): Promise<number> => {
    const under = Promise.withResolvers<number>();
    this.under.push(under);
    this.#now++;
    this.most = Math.max(this.most, this.#now);
    try {
      return await under.promise;
    } finally {
      this.#now--;
    }
  };

  /** Ends the look of this number, once it has begun. */
  async end(number: number): Promise<void> {
    while (this.under.length < number) await Promise.resolve();
    this.under[number - 1].resolve(number);
  }
}

Deno.test("SharedLook.take() shares the next look with all who ask during one", async () => {
  const looks = new Looks();
  const shared = new SharedLook(looks.look, { keptMs: 0 });
  const first = shared.take();
  const during = Array.from({ length: 9 }, () => shared.take());
  await looks.end(1);
  assert.equal(await first, 1);
  // The second has begun, and may have passed what is asked for now.
  const last = shared.take();
  await looks.end(2);
  assert.deepEqual(await Promise.all(during), Array(9).fill(2));
  await looks.end(3);
  assert.equal(await last, 3);
  assert.deepEqual([looks.under.length, looks.most], [3, 1]);
});

Deno.test("SharedLook.take() keeps what was seen for so long, from when the look began", async () => {
  const looks = new Looks();
  let nowMs = 0;
  const shared = new SharedLook(looks.look, { keptMs: 100, nowMs: () => nowMs });
  const first = shared.take();
  nowMs = 60;
  await looks.end(1);
  assert.equal(await first, 1);
  nowMs = 99;
  assert.equal(await shared.take(), 1);
  nowMs = 100;
  const second = shared.take();
  await looks.end(2);
  assert.equal(await second, 2);
});

Deno.test("SharedLook.take() fails for those who asked for that look alone", async () => {
  const looks = new Looks();
  const shared = new SharedLook(looks.look, { keptMs: 100, nowMs: () => 0 });
  const first = assert.rejects(shared.take(), /gone/);
  const second = shared.take();
  looks.under[0].reject(new Error("gone"));
  await first;
  await looks.end(2);
  assert.equal(await second, 2);
});
