// The exports: one call measures and updates every tensor of a plan.
import { mapBatch, measureBatch, updateBatch } from './batch';
import { allFinite } from './moments';
import { batchAt, Plan, Scratch } from './records';
import { serve, stepTogether } from './threads';

export { allFinite, serve, stepTogether };

/**
 * One step. Returns 1 if a deviation counted as zero where that is refused: then nothing has changed, because such a
 * plan is one batch and has no statistics to keep. Else 0.
 */
export function step(plan: Plan, scratch: Scratch, inPlace: bool): u32 {
  let isMeasured = false;
  for (let b: u32 = 0; b < plan.batchCount; b++) {
    const batch = batchAt(plan.batches, b);
    if (!isMeasured) measureBatch(batch);
    if (mapBatch(batch)) return 1;
    isMeasured = updateBatch(scratch, batch, inPlace, b + 1 < plan.batchCount ? batchAt(plan.batches, b + 1) : null);
  }
  return 0;
}
