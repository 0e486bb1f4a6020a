// Measuring the units of a tensor, and a unit in passing.
import { concludeMoments, concludeSquares, deviations, mean } from './moments';
import { Measure, Recipe, Tensor, Unit, unitAt } from './records';
import { addFast, begin, finishPassing, readInPassing } from './sums';

/** Measures every unit as far as asked, and sets its map to the identity. */
export function measure(tensor: Tensor): void {
  const limit = changetype<Recipe>(tensor.recipe).limitBefore;
  let start: usize = tensor.gradient;
  for (let k: u32 = 0; k < tensor.unitCount; k++) {
    const unit = unitAt(tensor, k);
    reset(unit);
    if (tensor.measure == Measure.moments || tensor.measure == Measure.squares) {
      begin();
      addFast(start, tensor.unitSize, limit, tensor.measure == Measure.squares);
      conclude(tensor, unit, start, limit);
    }
    start += <usize>tensor.unitSize << 2;
  }
}

/** From here on, updates measure a unit of a tensor in passing. */
export function beginMeasuring(tensor: Tensor, start: usize): void {
  begin();
  readInPassing(start, tensor.unitSize, tensor.measure == Measure.squares);
}

export function endMeasuring(tensor: Tensor, unit: Unit, start: usize): void {
  finishPassing(start + (<usize>tensor.unitSize << 2));
  conclude(tensor, unit, start, Infinity);
}

function conclude(tensor: Tensor, unit: Unit, start: usize, limit: f32): void {
  if (tensor.measure == Measure.squares) concludeSquares(start, tensor.unitSize, limit);
  else concludeMoments(start, tensor.unitSize, limit);
  unit.mean = mean;
  unit.deviations = deviations;
}

export function reset(unit: Unit): void {
  unit.scale = 1;
  unit.centre = 0;
  unit.offset = 0;
}
