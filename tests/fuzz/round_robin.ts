import { Campaign, type StrayErrors } from "./campaign.ts";
import type { FuzzTarget } from "./target.ts";

/** Inputs of one share in a round: a round of all targets is a second or two. */
const ROUND_INPUTS = 100;

/** What to run, and for how long. */
export interface FuzzPlan {
  readonly targets: readonly FuzzTarget[];
  readonly seed: number;
  /** Inputs of all targets together, as their shares say; `Infinity` for no bound. */
  readonly inputs: number;
  /** When to stop, on the clock of `performance.now()`; `Infinity` for no bound. */
  readonly untilMs: number;
  /** Told after each round. */
  readonly onRound?: (campaigns: readonly Campaign[]) => void;
}

/** Runs the targets in turn, so that the time box cuts all of them alike; returns what came of each. */
export async function fuzzInTurn(plan: FuzzPlan, strays: StrayErrors): Promise<Campaign[]> {
  const shares = plan.targets.reduce((sum, { share }) => sum + share, 0);
  const runs = plan.targets.map((target) => ({
    campaign: new Campaign(target, plan.seed, strays),
    inputs: Math.ceil(plan.inputs * target.share / shares),
  }));
  const campaigns = runs.map(({ campaign }) => campaign);
  const unfinished = () =>
    runs.filter(({ campaign, inputs }) => campaign.inputs < inputs && !campaign.exhausted);
  for (let left = unfinished(); left.length > 0; left = unfinished()) {
    for (const { campaign, inputs } of left) {
      const round = campaign.target.share * ROUND_INPUTS;
      await campaign.run(Math.min(round, inputs - campaign.inputs), plan.untilMs);
    }
    plan.onRound?.(campaigns);
    if (performance.now() >= plan.untilMs) break;
  }
  return campaigns;
}
