/**
 * Holm's step-down correction for several tests at once: rejecting where the result is < α keeps the chance of
 * any false rejection ≤ α, whatever the dependence between the tests.
 *
 *     adjusted₍ᵢ₎ = min(1, max over j ≤ i of (m − j + 1)·p₍ⱼ₎)    with p₍₁₎ ≤ … ≤ p₍ₘ₎
 *
 * Null stands for a test that could not be made; it stays null and is not counted in m.
 * @see Holm 1979, A simple sequentially rejective multiple test procedure
 */
export function holm(pValues: readonly (number | null)[]): (number | null)[] {
  const order = pValues
    .map((p, index) => ({ p, index }))
    .filter((test): test is { p: number; index: number } => test.p !== null)
    .sort((a, b) => a.p - b.p);
  const adjusted: (number | null)[] = pValues.map(() => null);
  let largest = 0;
  order.forEach(({ p, index }, rank) => {
    largest = Math.max(largest, Math.min(1, (order.length - rank) * p));
    adjusted[index] = largest;
  });
  return adjusted;
}
