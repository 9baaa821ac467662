import assert from "node:assert/strict";
import { Campaign, inTime, StrayErrors } from "./campaign.ts";
import { readCorpus } from "./corpus.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { fuzzInTurn } from "./round_robin.ts";
import { mayRunPrograms } from "../support/permissions.ts";
import type { FuzzTarget } from "./target.ts";
import { TARGETS } from "./targets.ts";

const SEED = 20_260_101;
/** A few seconds; `deno task fuzz` runs millions. */
const INPUTS = 60_000;

const mayRead = Deno.permissions.querySync({ name: "read" }).state === "granted";

Deno.test("fuzz: what strangers send gives a value or a documented error", async () => {
  using strays = new StrayErrors();
  const plan = { targets: TARGETS, seed: SEED, inputs: INPUTS, untilMs: Infinity };
  const campaigns = await fuzzInTurn(plan, strays);
  for (const { target, inputs, findings } of campaigns) {
    assert.deepEqual(findings.map(({ index, message }) => ({ index, message })), [], target.name);
    assert.ok(inputs >= INPUTS / 250, `${inputs} inputs of ${target.name}`);
  }
});

Deno.test(
  { name: "fuzz: what once found something no longer does", ignore: !mayRead },
  async (t) => {
    using strays = new StrayErrors();
    for (const { target: name, name: file, input } of readCorpus()) {
      await t.step(`${name}/${file}`, async () => {
        const target = TARGETS.find((target) => target.name === name);
        assert.ok(target !== undefined, `no target ${name}`);
        await inTime(Promise.resolve(target.run(input)));
        await new Promise((resolve) => setTimeout(resolve, 0));
        assert.equal(strays.take(), undefined);
      });
    }
  },
);

/** A target that fails in a way of its own for one input in a hundred. */
function faulty(run: (input: Uint8Array) => void | Promise<void>): FuzzTarget {
  return {
    name: "faulty",
    share: 1,
    generate: (random) => random.bytes(1),
    run: (input) => input[0] < 3 ? run(input) : undefined,
  };
}

const FAULTS: readonly (readonly [string, FuzzTarget["run"], RegExp])[] = [
  ["an exception", () => {
    throw new RangeError("out of range");
  }, /RangeError: out of range/],
  ["a rejection", () => Promise.reject(new Error("later")), /Error: later/],
  ["a rejection at nobody", () => void Promise.reject(new Error("lost")), /thrown at nobody.*lost/],
  ["an exception in a microtask", () => {
    queueMicrotask(() => {
      throw new Error("behind the back");
    });
  }, /thrown at nobody.*behind the back/],
  ["a promise that never settles", () => new Promise<void>(() => {}), /hangs/],
];

Deno.test("Campaign finds what goes wrong, and names the input that does it", async (t) => {
  for (const [name, run, message] of FAULTS) {
    await t.step(name, async () => {
      using strays = new StrayErrors();
      const campaign = new Campaign(faulty(run), SEED, strays);
      for (let index = 0; campaign.input(index)[0] >= 3; index++) campaign.inputs = index + 1;
      const index = campaign.inputs;
      await campaign.run(1, Infinity);
      assert.equal(campaign.findings.length, 1);
      assert.match(campaign.findings[0].message, message);
      assert.equal(campaign.findings[0].index, index);
      assert.deepEqual(campaign.findings[0].input, campaign.input(index));
    });
  }
});

Deno.test("an input depends on its target, seed and index alone", () => {
  for (const target of TARGETS) {
    const inputs = [0, 1, 2, 3].map((index) => target.generate(new Random(SEED, index)));
    for (const index of [3, 1, 2, 0]) {
      assert.deepEqual(target.generate(new Random(SEED, index)), inputs[index], target.name);
    }
    assert.notDeepEqual(target.generate(new Random(SEED + 1, 0)), inputs[0], target.name);
  }
});

Deno.test("mutate() leaves its input, and what is in front, as they were", () => {
  const bytes = Uint8Array.from({ length: 50 }, (_, i) => i);
  const before = bytes.slice();
  const random = new Random(SEED, 0);
  for (let i = 0; i < 2_000; i++) {
    const mutated = mutate(random, bytes, [bytes], 10);
    assert.deepEqual(mutated.subarray(0, 10), before.subarray(0, 10));
  }
  assert.deepEqual(bytes, before);
});

Deno.test({
  name: "fuzz: the task tells what it ran, and refuses flags that it does not have",
  ignore: !mayRunPrograms,
}, async () => {
  const run = async (...flags: string[]) => {
    const task = new URL("../../tasks/fuzz.ts", import.meta.url).pathname;
    const lock = ["--lock=deno.lock", "--frozen"];
    const args = ["run", ...lock, "--v8-flags=--expose-gc", "--no-prompt", task, ...flags];
    const { code, stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    return { code, text: new TextDecoder().decode(stdout) };
  };
  const { code, text } = await run("--seed", "1", "--inputs", "1000", "--seconds", "60");
  assert.equal(code, 0, text);
  for (const { name } of TARGETS) assert.match(text, new RegExp(`^\\| ${name} \\| [1-9]`, "m"));
  assert.match(text, /^heap in use: grown by/m);
  assert.equal((await run("--target", "nothing")).code, 2);
  assert.equal((await run("--index", "3")).code, 2);
  assert.equal((await run("--target", "grpc-body", "--seed", "1", "--index", "3")).code, 0);
});
