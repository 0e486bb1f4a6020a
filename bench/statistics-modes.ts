import type { StatisticsMode } from 'znorm';

/** Ways to come by the statistics of a gradient, as benches call them. */
export const statisticsModes: Readonly<Record<string, StatisticsMode>> = {
  exact: 'exact',
  ema: { ema: 0.9 },
  every10: { every: 10 },
  sample10: { sample: 0.1 },
  sample1: { sample: 0.01 },
  sample01: { sample: 0.001 },
};
