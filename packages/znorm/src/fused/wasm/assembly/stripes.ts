// Tensors whose units take turns in memory: of a dense kernel [inputs, outputs], output unit k has every outputs-th
// element. A turn holds a stripe of each unit: `stripe` elements that lie together.
import { Measure, Recipe, sizeOf, Tensor, unitAt } from './records';
import { limitedOne } from './sums';

/** Measures every unit, as `measure` does: in one pass for squares, in two for moments, every term in float64. */
export function measureStripes(tensor: Tensor): void {
  if (tensor.measure != Measure.moments && tensor.measure != Measure.squares) return;
  const limit = changetype<Recipe>(tensor.recipe).limitBefore;
  for (let k: u32 = 0; k < tensor.unitCount; k++) {
    unitAt(tensor, k).mean = 0;
    unitAt(tensor, k).deviations = 0;
  }
  if (tensor.measure == Measure.moments) {
    // Σ x of a constant is exact: 24 bits, as often as 2^29 times. So its mean is that constant.
    addTurns(tensor, limit, false);
    for (let k: u32 = 0; k < tensor.unitCount; k++) unitAt(tensor, k).mean /= <f64>tensor.unitSize;
  }
  addTurns(tensor, limit, true);
}

/** Adds Σ (x − mean)² to the deviations of each unit, or Σ x to its mean. */
function addTurns(tensor: Tensor, limit: f32, aboutMean: bool): void {
  const bytes = <usize>tensor.stripe << 2;
  let at = tensor.gradient;
  for (const end = at + (<usize>sizeOf(tensor) << 2); at < end;) {
    for (let k: u32 = 0; k < tensor.unitCount; k++) {
      const unit = unitAt(tensor, k);
      const mean = unit.mean;
      let total: f64 = 0;
      for (const stripeEnd = at + bytes; at < stripeEnd; at += 4) {
        const x = <f64>limitedOne(load<f32>(at), limit);
        total += aboutMean ? (x - mean) * (x - mean) : x;
      }
      if (aboutMean) unit.deviations += total;
      else unit.mean = mean + total;
    }
  }
}

/** Σ x² over one unit of a tensor laid out like this one, from `start`. */
export function squaresOfStripes(tensor: Tensor, start: usize, k: u32): f64 {
  const stripe = tensor.stripe;
  let squares: f64 = 0;
  for (let first = k * stripe; first < sizeOf(tensor); first += tensor.unitCount * stripe) {
    for (let e = first; e < first + stripe; e++) {
      const x = <f64>load<f32>(start + (<usize>e << 2));
      squares += x * x;
    }
  }
  return squares;
}
