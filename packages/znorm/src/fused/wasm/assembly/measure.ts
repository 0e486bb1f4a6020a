// Measuring the units of a tensor, a unit in passing, and a unit piece by piece.
import { concludeMoments, concludeSquares, deviations, mean } from './moments';
import { Batch, Chunk, chunkAt, isStriped, Measure, Recipe, Tensor, Unit, unitAt } from './records';
import { measureStripes } from './stripes';
import { addChunk, addFast, addSums, begin, finishPassing, readInPassing, squares, sum } from './sums';

/** Measures every unit as far as asked, and sets its map to the identity. */
export function measure(tensor: Tensor): void {
  if (isStriped(tensor)) {
    for (let k: u32 = 0; k < tensor.unitCount; k++) reset(unitAt(tensor, k));
    measureStripes(tensor);
    return;
  }
  for (let k: u32 = 0; k < tensor.unitCount; k++) measureUnit(tensor, k);
}

function measureUnit(tensor: Tensor, k: u32): void {
  const unit = unitAt(tensor, k);
  reset(unit);
  if (tensor.measure != Measure.moments && tensor.measure != Measure.squares) return;
  const limit = changetype<Recipe>(tensor.recipe).limitBefore;
  const start = tensor.gradient + (<usize>(k * tensor.unitSize) << 2);
  begin();
  addFast(start, tensor.unitSize, limit, tensor.measure == Measure.squares);
  conclude(tensor, unit, start, limit);
}

/** From here on, updates measure `count` elements of a unit in passing, from the tensor's element `first` on. */
export function beginMeasuring(tensor: Tensor, first: u32, count: u32): void {
  begin();
  readInPassing(tensor.gradient + (<usize>first << 2), count, tensor.measure == Measure.squares);
}

export function endMeasuring(tensor: Tensor, unit: Unit, first: u32): void {
  const start = tensor.gradient + (<usize>first << 2);
  finishPassing(start + (<usize>tensor.unitSize << 2));
  conclude(tensor, unit, start, Infinity);
}

/** Measures whole units, or the sums of a piece of one. */
export function measureChunk(chunk: Chunk): void {
  const tensor = changetype<Tensor>(chunk.tensor);
  const isMeasured = tensor.measure == Measure.moments || tensor.measure == Measure.squares;
  for (let k: u32 = 0; k < chunk.unitCount; k++) measureUnit(tensor, chunk.firstUnit + k);
  if (chunk.unitCount > 0 || !isMeasured) return;
  begin();
  addChunk(
    tensor.gradient + (<usize>chunk.start << 2), chunk.count,
    changetype<Recipe>(tensor.recipe).limitBefore, tensor.measure == Measure.squares,
  );
  keepSums(chunk);
}

/** Sums that were taken in passing while a piece of a unit was updated. */
export function endChunkInPassing(chunk: Chunk): void {
  finishPassing(changetype<Tensor>(chunk.tensor).gradient + (<usize>(chunk.start + chunk.count) << 2));
  keepSums(chunk);
}

function keepSums(chunk: Chunk): void {
  chunk.sum = sum;
  chunk.squares = squares;
}

/** Puts the sums of pieces together, in their order: those that were taken alongside the update, or the others. */
export function concludeChunks(batch: Batch, alongside: bool): void {
  for (let c: u32 = 0; c < batch.chunkCount; c++) {
    const chunk = chunkAt(batch.chunks, c);
    const tensor = changetype<Tensor>(chunk.tensor);
    if (chunk.unitCount > 0 || (alongside && tensor.measure != Measure.alongside)) continue;
    const unit = unitAt(tensor, chunk.firstUnit);
    const first = chunk.firstUnit * tensor.unitSize;
    if (chunk.start == first) {
      begin();
      if (!alongside) reset(unit);
    }
    addSums(chunk.sum, chunk.squares);
    const isLast = chunk.start + chunk.count == first + tensor.unitSize;
    if (!isLast || tensor.measure == Measure.none || (tensor.measure == Measure.alongside) != alongside) continue;
    conclude(
      tensor, unit, tensor.gradient + (<usize>first << 2), changetype<Recipe>(tensor.recipe).limitBefore,
    );
  }
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
