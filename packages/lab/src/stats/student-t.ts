/**
 * Probability that |T| ≤ t for Student's t with a whole number ν of degrees of freedom, by the closed
 * form in θ = atan(t/√ν) (Abramowitz and Stegun 26.7.3 and 26.7.4). Exact up to rounding.
 *
 *     ν odd:   2/π · (θ + sin θ · [cos θ + 2/3 cos³θ + … + (2·4⋯(ν−3))/(3·5⋯(ν−2)) cos^(ν−2) θ])
 *     ν even:  sin θ · [1 + 1/2 cos²θ + … + (1·3⋯(ν−3))/(2·4⋯(ν−2)) cos^(ν−2) θ]
 */
function centralArea(theta: number, degreesOfFreedom: number): number {
  const odd = degreesOfFreedom % 2 === 1;
  const cosine = Math.cos(theta);
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let k = odd ? 1 : 0; k <= degreesOfFreedom - 2; k += 2) {
    sum += term;
    term *= ((k + 1) / (k + 2)) * cosine * cosine;
  }
  return odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
}

/**
 * Two-sided quantile of Student's t: the t with P(|T| ≤ t) = level.
 *
 * @param level             between 0 and 1, for example 0.95
 * @param degreesOfFreedom  a whole number ≥ 1 (for a mean of n values, n − 1)
 * @throws RangeError       if either is out of range
 * @example
 * studentT(0.95, 4) // 2.776…, for the mean of five seeds
 */
export function studentT(level: number, degreesOfFreedom: number): number {
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`studentT: expected \`level\` to be a number between 0 and 1, got ${level}.`);
  }
  if (!Number.isInteger(degreesOfFreedom) || degreesOfFreedom < 1) {
    throw new RangeError(
      `studentT: expected \`degreesOfFreedom\` to be a whole number >= 1, got ${degreesOfFreedom}.`,
    );
  }
  // The area grows with θ from 0 to 1 on the bounded (0, π/2), so halving always works, even for ν = 1.
  let low = 0;
  let high = Math.PI / 2;
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (centralArea(middle, degreesOfFreedom) < level) low = middle;
    else high = middle;
  }
  return Math.sqrt(degreesOfFreedom) * Math.tan(low);
}
