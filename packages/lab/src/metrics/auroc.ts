/**
 * Area under the receiver operating characteristic: how probably a random positive scores higher than a random negative,
 * equal scores counting half.
 *
 *     AUROC = (Σ ranks of positives − p(p + 1)/2) / (p · n)        equal scores share their mean rank
 *
 * @param scores one number a sample, of any scale
 * @param labels 0 or 1
 * @throws RangeError if the lengths differ, a score is not a number, or there is only one class
 * @example
 * auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]); // 0.75
 */
export function auroc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const count = labels.length;
  if (scores.length !== count)
    throw new RangeError(`auroc: expected one score a label, got ${scores.length} and ${count}.`);
  for (let i = 0; i < count; i++)
    if (Number.isNaN(scores[i]))
      throw new RangeError(`auroc: expected scores that are numbers, got NaN at ${i}.`);
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let rankSum = 0;
  for (let first = 0; first < count; ) {
    let end = first + 1;
    while (end < count && scores[order[end]!] === scores[order[first]!]) end++;
    let tied = 0;
    for (let i = first; i < end; i++) tied += labels[order[i]!]! > 0 ? 1 : 0;
    // Ranks first + 1 to end, whose mean is (first + 1 + end) / 2.
    rankSum += (tied * (first + 1 + end)) / 2;
    positives += tied;
    first = end;
  }
  const negatives = count - positives;
  if (positives === 0 || negatives === 0)
    throw new RangeError(
      `auroc: expected samples of both classes, got ${positives} positive and ${negatives} negative.`,
    );
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
