/**
 * Fuzzes all that takes bytes from strangers, in this process: made from a seed, for so many inputs
 * or seconds. Exits with 1 when it found something, with the command that does it again.
 */

import { type Flag, flagValue, type GivenArguments } from "../lib/cli/flag.ts";
import { integerFrom, oneOf, secondsFrom } from "../lib/cli/flag_kind.ts";
import { parseCommandLine, type Program } from "../lib/cli/command_line.ts";
import { exitWith, writeOutput } from "../lib/cli/exit.ts";
import { OperationError } from "../lib/errors.ts";
import { Campaign, type Finding, StrayErrors } from "../tests/fuzz/campaign.ts";
import { keep } from "../tests/fuzz/corpus.ts";
import { fuzzInTurn } from "../tests/fuzz/round_robin.ts";
import type { FuzzTarget } from "../tests/fuzz/target.ts";
import { TARGETS } from "../tests/fuzz/targets.ts";

const SEED_MAX = 0xffff_ffff;
const MEBIBYTE = 1 << 20;
/**
 * What a run may leave behind once its garbage is gone: compiled code and caches take up to 25 MiB,
 * while what holds on to a connection, 10 KiB, is past this after a few thousand.
 */
const HEAP_GROWTH_BYTES_MAX = 64 * MEBIBYTE;

const seed: Flag<number> = {
  name: "--seed",
  placeholder: "number",
  summary: "where all inputs come from",
  kind: integerFrom(0, SEED_MAX),
  fallback: `${crypto.getRandomValues(new Uint32Array(1))[0]}`,
};
const seconds: Flag<number> = {
  name: "--seconds",
  placeholder: "seconds",
  summary: "how long to run at most",
  kind: secondsFrom(0, 86_400),
  fallback: "60",
};
const inputs: Flag<number> = {
  name: "--inputs",
  placeholder: "number",
  summary: "how many inputs to run at most, of all targets",
  kind: integerFrom(1, 1e12),
  fallback: `${1e12}`,
};
const target: Flag<string> = {
  name: "--target",
  placeholder: "name",
  summary: "what to fuzz",
  kind: oneOf(["all", ...TARGETS.map(({ name }) => name)]),
  fallback: "all",
};
const index: Flag<number> = {
  name: "--index",
  placeholder: "number",
  summary: "runs the one input of that index again, which needs --target and --seed",
  kind: integerFrom(0, SEED_MAX),
  fallback: "0",
};

const PROGRAM: Program = {
  name: "fuzz",
  summary: "Fuzzes all that takes bytes from strangers.",
  positionals: [],
  flags: [seed, seconds, inputs, target, index],
};

interface FuzzFlags {
  readonly targets: readonly FuzzTarget[];
  readonly seed: number;
  readonly seconds: number;
  readonly inputs: number;
  /** The one input to run; `undefined` for as many as there is time for. */
  readonly index: number | undefined;
}

const outcome = parseCommandLine(PROGRAM, Deno.args, () => undefined, buildFlags);
if (outcome.kind === "exit") exitWith(outcome);
using strays = new StrayErrors();
const { flags } = outcome;
Deno.exit(flags.index === undefined ? await fuzz(flags) : await replay(flags, flags.index));

function buildFlags(given: GivenArguments): FuzzFlags {
  const name = flagValue(target, given);
  const isReplay = given.texts.has(index.name);
  if (isReplay && !(name !== "all" && given.texts.has(seed.name))) {
    throw new OperationError("invalid-argument", "--index needs --target and --seed");
  }
  return {
    targets: TARGETS.filter((each) => name === "all" || each.name === name),
    seed: flagValue(seed, given),
    seconds: flagValue(seconds, given),
    inputs: flagValue(inputs, given),
    index: isReplay ? flagValue(index, given) : undefined,
  };
}

async function fuzz({ targets, seed, seconds, inputs }: FuzzFlags): Promise<number> {
  writeOutput(`seed ${seed}\n`);
  let heapBytes: number | undefined;
  const campaigns = await fuzzInTurn({
    targets,
    seed,
    inputs,
    untilMs: performance.now() + seconds * 1_000,
    // What the first round leaves behind is there for good: compiled code, tables.
    onRound: () => heapBytes ??= liveHeapBytes(),
  }, strays);
  const findings = campaigns.flatMap((campaign) => campaign.findings);
  for (const finding of findings) report(finding);
  writeOutput(table(campaigns));
  return checkHeap(heapBytes) && findings.length === 0 ? 0 : 1;
}

async function replay({ targets, seed }: FuzzFlags, index: number): Promise<number> {
  const campaign = new Campaign(targets[0], seed, strays);
  await campaign.runAt(index);
  campaign.findings.forEach(report);
  writeOutput(table([campaign]));
  return campaign.findings.length === 0 ? 0 : 1;
}

function report(finding: Finding): void {
  const { target, seed, index, input, message } = finding;
  writeOutput(
    `\n${target}: ${message}\n` +
      `  again: deno task fuzz --target ${target} --seed ${seed} --index ${index}\n` +
      `  kept:  tests/fuzz/corpus/${keep(finding)}\n` +
      `  bytes: ${input.toHex()}\n`,
  );
}

/** A row for each target, and one for all. */
function table(campaigns: readonly Campaign[]): string {
  const rows = campaigns.map((campaign) => [
    campaign.target.name,
    campaign.inputs.toString(),
    (campaign.inputBytes / campaign.inputs).toFixed(0),
    (campaign.inputs / campaign.elapsedMs * 1_000).toFixed(0),
    `${campaign.slowestMs.toFixed(1)} (${campaign.slowestIndex})`,
    campaign.findings.length.toString(),
  ]);
  const sum = (of: (campaign: Campaign) => number) =>
    campaigns.reduce((total, campaign) => total + of(campaign), 0);
  const all = sum(({ inputs }) => inputs);
  rows.push([
    "all",
    all.toString(),
    (sum(({ inputBytes }) => inputBytes) / all).toFixed(0),
    (all / sum(({ elapsedMs }) => elapsedMs) * 1_000).toFixed(0),
    Math.max(...campaigns.map(({ slowestMs }) => slowestMs)).toFixed(1),
    sum(({ findings }) => findings.length).toString(),
  ]);
  const header = ["target", "inputs", "bytes", "inputs/s", "slowest ms (index)", "findings"];
  const lines = [header, header.map(() => "---"), ...rows];
  return `\n${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n\n`;
}

/** Bytes that are in use once all garbage is gone; `undefined` without `--v8-flags=--expose-gc`. */
function liveHeapBytes(): number | undefined {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return undefined;
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Whether the heap is about as large as after the first round. */
function checkHeap(before: number | undefined): boolean {
  const after = liveHeapBytes();
  if (before === undefined || after === undefined) return true;
  const grownBytes = after - before;
  writeOutput(`heap in use: grown by ${(grownBytes / MEBIBYTE).toFixed(1)} MiB\n`);
  return grownBytes <= HEAP_GROWTH_BYTES_MAX;
}
