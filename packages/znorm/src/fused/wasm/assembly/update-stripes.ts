// Updating tensors whose units take turns in memory (see `stripes.ts`): their maps are spread out, element by element,
// over a block of some turns. Block after block is then mapped, and updated from there like any other gradient.
import { reset } from './measure';
import { blockRoomOf, identityOf, Recipe, Scratch, sizeOf, Tensor, unitAt } from './records';
import { limited } from './sums';
import { powerOf, restOf, updateFrom } from './update';

/** Updates every unit, as `update` does. */
export function updateStripes(scratch: Scratch, tensor: Tensor, inPlace: bool): void {
  const unit = identityOf(tensor);
  reset(unit);
  const mapped = blockRoomOf(tensor);
  const row = (<usize>(tensor.block + 7) & ~7) << 2;
  spreadMaps(tensor, mapped + row, row);
  const limit = changetype<Recipe>(tensor.recipe).limitBefore;
  const size = sizeOf(tensor);
  for (let start: u32 = 0; start < size; start += tensor.block) {
    const count = min(tensor.block, size - start);
    mapBlock(tensor.gradient + (<usize>start << 2), count, limit, mapped, row);
    updateFrom(mapped, Infinity, scratch, tensor, unit, start, count, inPlace);
  }
}

/** Five rows of numbers: a power of two, the centre in two parts, scale, offset. Symbols as in `sweep`. */
function spreadMaps(tensor: Tensor, maps: usize, row: usize): void {
  for (let e: u32 = 0, at = maps; e < tensor.block; e++, at += 4) {
    const unit = unitAt(tensor, (e / tensor.stripe) % tensor.unitCount);
    const power = powerOf(unit.scale);
    const centre = unit.centre * power;
    store<f32>(at, <f32>power);
    store<f32>(at + row, <f32>centre);
    store<f32>(at + 2 * row, restOf(centre));
    store<f32>(at + 3 * row, <f32>(unit.scale / power));
    store<f32>(at + 4 * row, <f32>unit.offset);
  }
}

/** u = scale · (g − centre) + offset of each element, with g limited to ±limit. */
function mapBlock(g: usize, count: u32, limit: f32, to: usize, row: usize): void {
  const limits = f32x4.splat(limit);
  // The room has whole vectors; the gradient may end with its memory.
  memory.copy(to, g, <usize>count << 2);
  for (const end = to + (<usize>count << 2); to < end; to += 16) {
    const own = to + row;
    let x = f32x4.mul(limited(v128.load(to), limits), v128.load(own));
    x = f32x4.sub(f32x4.sub(x, v128.load(own + row)), v128.load(own + 2 * row));
    v128.store(to, f32x4.add(f32x4.mul(x, v128.load(own + 3 * row)), v128.load(own + 4 * row)));
  }
}
