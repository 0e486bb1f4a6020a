import { mean } from './mean.ts';

/**
 * Interquartile mean: the mean after dropping the lowest and the highest ⌊n/4⌋ values. One lucky or broken seed
 * moves it less than it moves the mean; under four values it is the mean.
 *
 * @returns null of nothing
 * @see Agarwal et al. 2021, Deep RL at the Edge of the Statistical Precipice
 */
export function interquartileMean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const drop = Math.floor(values.length / 4);
  return mean(values.toSorted((a, b) => a - b).slice(drop, values.length - drop));
}

/**
 * Probability that a random run of one method scores higher than a random run of the other, ties half:
 * the Mann-Whitney U over the number of pairs. 1/2 means no preference; it says nothing of how much higher.
 *
 *     P(x > y) = Σᵢ Σⱼ [xᵢ > yⱼ] + ½[xᵢ = yⱼ]  /  (n·m)
 *
 * @returns null when either is empty
 */
export function probabilityOfImprovement(xs: readonly number[], ys: readonly number[]): number | null {
  if (xs.length === 0 || ys.length === 0) return null;
  const score = (x: number, y: number) => (x > y ? 1 : x === y ? 0.5 : 0);
  return mean(xs.flatMap((x) => ys.map((y) => score(x, y))));
}
