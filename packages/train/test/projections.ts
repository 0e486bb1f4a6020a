import { randomStream } from '../src/random.ts';

/** A tensor as golden/networks.py stores it, which says what the projections prove. */
export interface Projected {
  readonly norm: number;
  readonly projections: readonly number[];
}

/** Relative L2 error, estimated from the projections of golden/networks.py: bit k of a word is the sign of number k. */
function relativeError(path: string, values: ArrayLike<number>, expected: Projected): number {
  const next = randomStream(0, `projection ${path}`);
  const projections = new Float64Array(32);
  for (let i = 0; i < values.length; i++) {
    const word = next();
    for (let k = 0; k < 32; k++) projections[k] += (word >>> k) & 1 ? -values[i] : values[i];
  }
  const squared = projections.reduce(
    (sum, projection, k) => sum + (projection - expected.projections[k]) ** 2,
    0,
  );
  return Math.sqrt(squared / 32) / expected.norm;
}

/** The paths whose error is not below the bound, with their errors. */
export function beyond(
  bound: number,
  expected: Readonly<Record<string, Projected>>,
  values: (path: string) => ArrayLike<number>,
) {
  const errors = Object.entries(expected).map(
    ([path, of]) => [path, relativeError(path, values(path), of)] as const,
  );
  return errors.filter(([, error]) => !(error < bound));
}
