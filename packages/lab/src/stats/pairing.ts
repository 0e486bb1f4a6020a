import type { Pairing, SeedResult } from '../comparison.ts';

/**
 * Proves, from the hashes that each run recorded, that the methods were compared on equal terms: for every seed,
 * all finished runs started from the same weights and saw the same batches in the same order.
 *
 * @param seedsOfMethods  the finished seeds of each method
 * @param batches         `own` where every method learns from what it does itself
 */
export function provePairing(
  seedsOfMethods: readonly (readonly SeedResult[])[],
  batches: 'given' | 'own' = 'given',
): Pairing {
  const runs = seedsOfMethods.flat();
  const agree = (hash: (run: SeedResult) => string) =>
    runs.every((run) => hash(run) === hash(runs.find((first) => first.seed === run.seed)!));
  return {
    sameInitialWeights: agree((run) => run.initHash),
    sameBatches: batches === 'own' ? null : agree((run) => run.batchHash),
  };
}

/** A run of a method and the baseline's run of the same seed. */
export interface Pair {
  run: SeedResult;
  partner: SeedResult;
}

/** The pairs of a method with the baseline: the seeds that finished under both, in the method's order. */
export function pairsOf(method: readonly SeedResult[], baseline: readonly SeedResult[]): Pair[] {
  return method.flatMap((run) => {
    const partner = baseline.find((other) => other.seed === run.seed);
    return partner === undefined ? [] : [{ run, partner }];
  });
}
