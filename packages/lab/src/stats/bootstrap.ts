import { integer, randomStream } from '@znorm/train';
import { type Interval, mean } from './mean.ts';
import { normalCdf, normalQuantile } from './normal.ts';

export interface BootstrapOptions {
  /** What is estimated. @default mean */
  statistic?: (sample: readonly number[]) => number;
  /** `bca` corrects the percentiles for bias and skewness. @default 'bca' */
  method?: 'percentile' | 'bca';
  /** @default 0.95 */
  level?: number;
  /** @default 10_000 */
  resamples?: number;
  /** The same seed gives the same interval. @default 1 */
  seed?: number;
}

/**
 * Bootstrap interval of a statistic: its percentiles over resamples drawn with replacement. Assumes no
 * distribution, but with under about ten values it is too narrow: it knows no value that was not drawn.
 *
 *     percentile:  the α/2 and 1 − α/2 quantiles of the resampled statistics
 *     BCa:         the Φ(z₀ + (z₀ + z)/(1 − a·(z₀ + z))) quantiles, z = Φ⁻¹(α/2) and Φ⁻¹(1 − α/2)
 *                  z₀ = Φ⁻¹(share of resamples under the estimate, ties half)
 *                  a  = Σ uᵢ³ / (6·(Σ uᵢ²)^(3/2)), uᵢ = mean of the leave-one-out estimates − the i-th of them
 *
 * @returns null under two values
 * @see Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 14
 */
export function bootstrapInterval(
  values: readonly number[],
  options: BootstrapOptions = {},
): Interval | null {
  const { statistic = mean, method = 'bca', level = 0.95, resamples = 10_000, seed = 1 } = options;
  if (values.length < 2) return null;
  const random = randomStream(seed, 'bootstrap');
  const draw = () => values[integer(random, values.length)]!;
  const replicates = Float64Array.from({ length: resamples }, () => statistic(values.map(draw))).sort();
  const tail = (1 - level) / 2;
  const [low, high] = method === 'bca' ? bcaShares(values, statistic, replicates, tail) : [tail, 1 - tail];
  return [quantile(replicates, low), quantile(replicates, high)];
}

function bcaShares(
  values: readonly number[],
  statistic: (sample: readonly number[]) => number,
  replicates: Float64Array,
  tail: number,
): [number, number] {
  const estimate = statistic(values);
  // A resample that only reorders the values ties with the estimate, whatever the rounding of its sum.
  const rounding = 1e-12 * Math.max(Math.abs(replicates[0]!), Math.abs(replicates.at(-1)!));
  const under = replicates.filter((value) => value < estimate - rounding).length;
  const tied = replicates.filter((value) => Math.abs(value - estimate) <= rounding).length;
  const bias = normalQuantile((under + tied / 2) / replicates.length);
  // Every resample on one side of the estimate: there is no correction to estimate, the plain shares stand.
  if (!Number.isFinite(bias)) return [tail, 1 - tail];

  const leaveOneOut = values.map((_, left) => statistic(values.filter((_, index) => index !== left)));
  const center = mean(leaveOneOut);
  const squares = leaveOneOut.reduce((sum, value) => sum + (center - value) ** 2, 0);
  const cubes = leaveOneOut.reduce((sum, value) => sum + (center - value) ** 3, 0);
  const acceleration = squares > 0 ? cubes / (6 * squares ** 1.5) : 0;

  const share = (z: number) => normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)));
  return [share(normalQuantile(tail)), share(normalQuantile(1 - tail))];
}

/** Quantile of sorted values, linear between neighbours (the default of numpy and R). */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (position - below) * (high - low);
}
