/** Counts the words of each text, and says how glad they are on the average. */

import type { Context, Results } from "../../../../lib/platforms/script_api.ts";

interface Words {
  readonly segmenter: Intl.Segmenter;
  /** What a word adds to the mood; nothing for all others. */
  readonly moods: ReadonlyMap<string, number>;
}

interface Row {
  readonly text: string;
}

export async function load({ environment, logger }: Context): Promise<Words> {
  const file = await Deno.readTextFile(`${environment.folder}/moods.json`);
  const moods = new Map<string, number>(Object.entries(JSON.parse(file)));
  logger.info("knows moods", { words: moods.size });
  return { segmenter: new Intl.Segmenter("en", { granularity: "word" }), moods };
}

export function predict(batch: readonly Row[], context: Context<Words>): Results {
  const { segmenter, moods } = context.model;
  return batch.map(({ text }) => {
    const words = [...segmenter.segment(text)].filter(({ isWordLike }) => isWordLike)
      .map(({ segment }) => segment.toLowerCase());
    const mood = words.reduce((sum, word) => sum + (moods.get(word) ?? 0), 0);
    context.recordStatistic({ words: words.length });
    return { words: words.length, mood: words.length === 0 ? 0 : mood / words.length };
  });
}
