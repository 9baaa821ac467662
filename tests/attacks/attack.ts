import assert from "node:assert/strict";
import type { ServerCommand } from "../../tasks/server_process.ts";
import { mayRunPrograms } from "../support/permissions.ts";
import { Attacker, type AttackerOptions, PATIENCE_MS } from "./attacker.ts";
import { Bystander, type BystanderResult } from "./bystander.ts";
import { MODEL_SERVER, startVictim, type Victim } from "./victim.ts";

/** What a test says of its attack. */
export interface AttackPlan {
  /** What is attacked; the server with one thread by default. */
  readonly server?: ServerCommand;
  /** Bytes that the server may take beyond what it had before; HEAP_BYTES alone by default. */
  readonly allowanceBytes?: number;
  /** How long the attack goes on. */
  readonly attackMs?: number;
}

/** What an attack is made with. */
export interface Battle {
  readonly victim: Victim;
  /** Resolves when the time of the attack is over. */
  readonly over: Promise<void>;
  /** Whether the attack goes on. */
  readonly going: boolean;
  /** Adds something that was measured to what is told of the attack. */
  note(text: string): void;
  /** Opens a connection, which is closed after the attack. */
  connect(options?: AttackerOptions): Promise<Attacker>;
  /**
   * Opens a connection, attacks with it, closes it, and so on until the time is over, on several in
   * parallel; each attack ends when `attack` does. Returns how many there were.
   */
  storm(attack: (attacker: Attacker) => Promise<void>, options?: StormOptions): Promise<number>;
}

/** How a storm differs from the usual. */
export interface StormOptions extends AttackerOptions {
  readonly parallel?: number;
  /** Whether each attack goes on until the server has cut it off, even beyond the time. */
  readonly untilCut?: boolean;
}

const MIB = 2 ** 20;

/** What V8's heap and the compiled code grow by under any load, honest ones too. */
export const HEAP_BYTES = 96 * MIB;

/** … where thousands of connections come and go: what V8 lets gather of their buffers before it collects. */
export const CHURN_BYTES = 384 * MIB;

const ATTACK_MS = 1_500;

/** The bystander starts up to 200 calls a second, fewer on a machine that is busy with the attacker. */
const BYSTANDER_CALLS_MIN = 30;

/** Set to have each attack tell what it has measured. */
const REPORTS = mayRunPrograms && Deno.env.get("ATTACKS_REPORT") !== undefined;

function hasProc(): boolean {
  try {
    return Deno.statSync("/proc/self/status").isFile;
  } catch {
    return false;
  }
}

/** Whether this test run can start servers and look into their memory. */
const mayAttack = mayRunPrograms && hasProc();

/**
 * Tests that a server stands an attack: its memory stays within bounds, another client's calls go on
 * without a single failure, and whatever `attack` itself asserts of how the attacker is answered.
 */
export function attackTest(
  name: string,
  { server = MODEL_SERVER, allowanceBytes = HEAP_BYTES, attackMs = ATTACK_MS }: AttackPlan,
  attack: (battle: Battle) => Promise<void>,
): void {
  Deno.test({ name, ignore: !mayAttack }, async () => {
    await using victim = await startVictim(server);
    using bystander = new Bystander();
    await bystander.start(victim.port);
    const beforeBytes = victim.peakBytes;
    const notes: string[] = [];
    await fight(victim, attackMs, notes, attack);
    const result = await bystander.stop();
    const grownBytes = victim.peakBytes - beforeBytes;
    if (REPORTS) report([name, ...notes].join(", "), beforeBytes, grownBytes, result);
    assert.deepEqual(result.failures, []);
    assert.ok(result.latenciesMs.length >= BYSTANDER_CALLS_MIN, "the bystander had few calls");
    assert.ok(
      grownBytes <= allowanceBytes,
      `the server took ${mib(grownBytes)} more, at most ${mib(allowanceBytes)} are allowed`,
    );
  });
}

/** Waits, as attackers do who have time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function fight(
  victim: Victim,
  attackMs: number,
  notes: string[],
  attack: (battle: Battle) => Promise<void>,
): Promise<void> {
  using attackers = new DisposableStack();
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const { promise: hopeless, resolve: giveUp } = Promise.withResolvers<void>();
  let going = true;
  let timer = setTimeout(() => {
    going = false;
    resolve();
    timer = setTimeout(giveUp, PATIENCE_MS);
  }, attackMs);
  try {
    await attack({
      victim,
      over,
      get going() {
        return going;
      },
      note: (text) => notes.push(text),
      connect: async (options) => attackers.use(await Attacker.dial(victim.port, over, options)),
      storm: async (attackOnce, { parallel = 4, untilCut = false, ...options } = {}) => {
        let attacks = 0;
        const rage = async () => {
          while (going) {
            const end = untilCut ? hopeless : over;
            using attacker = await Attacker.dial(victim.port, end, options);
            await attackOnce(attacker);
            attacks++;
          }
        };
        await Promise.all(Array.from({ length: parallel }, rage));
        return attacks;
      },
    });
    await over;
  } finally {
    clearTimeout(timer);
    resolve();
    giveUp();
  }
}

function report(
  name: string,
  beforeBytes: number,
  grownBytes: number,
  { latenciesMs, failures }: BystanderResult,
): void {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(1);
  const line = `\n${name}: ${mib(beforeBytes)} + ${mib(grownBytes)}, ${sorted.length} calls, ` +
    `${failures.length} failed, p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
