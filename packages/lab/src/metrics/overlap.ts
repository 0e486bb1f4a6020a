/** How two masks overlap, pixel by pixel. */

/** Pixels of a predicted mask by what they are in the true one. */
export interface Overlap {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
}

/**
 * Counts the pixels of two masks, of which every number but 0 is inside.
 *
 * @throws RangeError if they are not of one size
 */
export function overlap(predicted: ArrayLike<number>, truth: ArrayLike<number>): Overlap {
  if (predicted.length !== truth.length)
    throw new RangeError(
      `overlap: expected two masks of one size, got ${predicted.length} and ${truth.length} pixels.`,
    );
  let [truePositives, falsePositives, falseNegatives] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++) {
    const [is, ought] = [predicted[i] !== 0, truth[i] !== 0];
    if (is && ought) truePositives++;
    else if (is) falsePositives++;
    else if (ought) falseNegatives++;
  }
  return { truePositives, falsePositives, falseNegatives };
}

/** The counts of several masks together. */
export function addOverlaps(a: Overlap, b: Overlap): Overlap {
  return {
    truePositives: a.truePositives + b.truePositives,
    falsePositives: a.falsePositives + b.falsePositives,
    falseNegatives: a.falseNegatives + b.falseNegatives,
  };
}

/** 2 TP / (2 TP + FP + FN), which is also the F1 score; 1 for two empty masks. */
export function dice(counts: Overlap): number {
  return tversky(counts, { alpha: 0.5, beta: 0.5 });
}

/** Intersection over union, TP / (TP + FP + FN); 1 for two empty masks. */
export function iou(counts: Overlap): number {
  return tversky(counts, { alpha: 1, beta: 1 });
}

/**
 * TP / (TP + alpha · FP + beta · FN); 1 for two empty masks. The default weighs a missed pixel more than a false one.
 *
 * @see Salehi et al. 2017, arXiv 1706.05721
 */
export function tversky(
  { truePositives, falsePositives, falseNegatives }: Overlap,
  { alpha = 0.3, beta = 0.7 }: { alpha?: number; beta?: number } = {},
): number {
  return ratio(truePositives, truePositives + alpha * falsePositives + beta * falseNegatives);
}

/** TP / (TP + FP): how much of what was found is right; 1 if nothing was found. */
export function precision({ truePositives, falsePositives }: Overlap): number {
  return ratio(truePositives, truePositives + falsePositives);
}

/** TP / (TP + FN): how much of what is there was found; 1 if nothing is there. */
export function recall({ truePositives, falseNegatives }: Overlap): number {
  return ratio(truePositives, truePositives + falseNegatives);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}
