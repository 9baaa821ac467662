/**
 * What `map` makes of each item, in their order, with at most `concurrency` under way.
 *
 * @throws what the first `map` that fails throws, once those under way have ended
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  concurrency: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  let failure: { error: unknown } | undefined;
  const work = async () => {
    // All take from one iterator, so that each item is taken once.
    for (const [index, item] of rest) {
      if (failure !== undefined) return;
      try {
        results[index] = await map(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  if (failure !== undefined) throw failure.error;
  return results;
}
