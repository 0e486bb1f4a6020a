/**
 * The candidate nearest to what was typed, as a sentence to append to an error, or nothing when none is near.
 *
 * @example
 * didYouMean('cifar100', ['cifar10', 'mnist']); // " Did you mean 'cifar10'?"
 * didYouMean('imagenet', ['cifar10', 'mnist']); // ""
 */
export function didYouMean(typed: string, candidates: readonly string[]): string {
  // A third of the letters wrong is a slip of the hand; more is another word.
  const limit = Math.max(1, Math.floor(typed.length / 3));
  const near = candidates
    .map((candidate) => ({ candidate, distance: editDistance(fold(typed), fold(candidate)) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return near.length > 0 ? ` Did you mean '${near[0]!.candidate}'?` : '';
}

/** `CIFAR-10`, `cifar_10` and `cifar10` are the same name to a person. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, one each. */
function editDistance(a: string, b: string): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 1; j <= b.length; j++) d[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const substitution = d[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      d[i]![j] = Math.min(d[i - 1]![j]! + 1, d[i]![j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d[i]![j] = Math.min(d[i]![j]!, d[i - 2]![j - 2]! + 1);
      }
    }
  }
  return d[a.length]![b.length]!;
}
