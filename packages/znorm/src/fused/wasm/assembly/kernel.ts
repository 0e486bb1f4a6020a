// The exports: one call measures and updates every tensor of a plan.
import { apply, keepAlongside } from './maps';
import { measure } from './measure';
import { allFinite } from './moments';
import {
  Batch, batchAt, Measure, OnDegenerate, Plan, Recipe, taskAt, Tensor, tensorAt,
} from './records';
import { update, updateAndMeasure } from './update';

export { allFinite };

/**
 * One step. Returns 1 if a deviation counted as zero where that is refused: then nothing has changed, because such a
 * plan is one batch and has no statistics to keep. Else 0.
 */
export function step(plan: Plan, inPlace: bool): u32 {
  let isMeasured = false;
  for (let b: u32 = 0; b < plan.batchCount; b++) {
    const batch = batchAt(plan, b);
    for (let t: u32 = 0; t < batch.tensorCount && !isMeasured; t++) measure(tensorAt(batch, t));
    for (let t: u32 = 0; t < batch.taskCount; t++) {
      const task = taskAt(batch, t);
      if (apply(task) > 0 && task.onDegenerate == OnDegenerate.refuse) return 1;
    }
    isMeasured = b + 1 < plan.batchCount && isLarge(batch) && isLarge(batchAt(plan, b + 1));
    if (isMeasured) {
      updateAndMeasure(plan, tensorAt(batch, 0), inPlace, tensorAt(batchAt(plan, b + 1), 0));
    } else {
      for (let t: u32 = 0; t < batch.tensorCount; t++) update(plan, tensorAt(batch, t), inPlace);
    }
    for (let t: u32 = 0; t < batch.taskCount; t++) keepAlongside(taskAt(batch, t));
  }
  return 0;
}

/**
 * A tensor of its own that is beyond the second-level cache. Its update will have to fetch its gradient again anyway,
 * and so it is measured while the tensor before it is updated, which leaves the processor time: ten per cent more than
 * the update alone, against twenty for measuring it just before.
 */
function isLarge(batch: Batch): bool {
  if (batch.tensorCount != 1) return false;
  const tensor = tensorAt(batch, 0);
  return tensor.unitCount == 1 && tensor.unitSize >= 262144
    && (tensor.measure == Measure.moments || tensor.measure == Measure.squares)
    && changetype<Recipe>(tensor.recipe).limitBefore == Infinity;
}
