// What becomes of every element, from the gradient g to the parameter w, in one pass:
//
//     x = limited(g, limitBefore)
//     y = limited(scale · (x − centre) + offset, limitAfter) · factor + decay · w
//     z = direction(y), which moves the moments m and v
//     w ← w + directionScale · z + parameterScale · w
//
// In float32. Decay rates close to 1 are used as 1 − rate: float32 holds 0.001 to seven digits, but of 0.999 only the
// first four of its distance to 1, and a moving average would settle at another value.
//
// Time goes into arithmetic as much as into memory, so most steps run a lean loop that leaves out what they do not
// need: limits, factor, offset, dampening, epsRoot, and decay but for momentum. Where it is needed, the full loop does
// the same arithmetic with it; the numbers that make it do nothing change no bit of the result.
import { beginMeasuring, endMeasuring, reset } from './measure';
import { Direction, Measure, Recipe, Scratch, Tensor, Unit, unitAt } from './records';
import { addInPassing, isPassing, limited, passingBytes } from './sums';

/** Updates one tensor, unit by unit, whose units lie together. `inPlace`: parameters change; else the update is written where it was asked for. */
export function update(scratch: Scratch, tensor: Tensor, inPlace: bool): void {
  const isMeasured = tensor.measure == Measure.alongside;
  const size = tensor.unitSize;
  for (let k: u32 = 0; k < tensor.unitCount; k++) {
    const unit = unitAt(tensor, k);
    if (isMeasured) beginMeasuring(tensor, k * size, size);
    updateSpan(scratch, tensor, unit, k * size, size, inPlace);
    if (isMeasured) endMeasuring(tensor, unit, k * size);
  }
}

/** Updates a tensor of one unit, and measures another in passing. */
export function updateAndMeasure(scratch: Scratch, tensor: Tensor, inPlace: bool, next: Tensor): void {
  beginMeasuring(next, 0, next.unitSize);
  updateSpan(scratch, tensor, unitAt(tensor, 0), 0, tensor.unitSize, inPlace);
  reset(unitAt(next, 0));
  endMeasuring(next, unitAt(next, 0), 0);
}

/** Updates `count` elements of a unit, from the tensor's element `start` on. */
export function updateSpan(
  scratch: Scratch, tensor: Tensor, unit: Unit, start: u32, count: u32, inPlace: bool,
): void {
  const g = tensor.gradient + (<usize>start << 2);
  updateFrom(g, changetype<Recipe>(tensor.recipe).limitBefore, scratch, tensor, unit, start, count, inPlace);
}

/** The same by a gradient that lies elsewhere, at `g`. */
export function updateFrom(
  g: usize, limit: f32, scratch: Scratch, tensor: Tensor, unit: Unit, start: u32, count: u32, inPlace: bool,
): void {
  const recipe = changetype<Recipe>(tensor.recipe);
  const isFull = recipe.isFull != 0 || unit.offset != 0 || powerOf(unit.scale) != 1 || !inPlace;
  switch (recipe.direction) {
    case Direction.none:
      return isFull
        ? sweep(Direction.none, true, g, limit, scratch, tensor, unit, start, count, inPlace)
        : sweep(Direction.none, false, g, limit, scratch, tensor, unit, start, count, inPlace);
    case Direction.momentum:
      return isFull
        ? sweep(Direction.momentum, true, g, limit, scratch, tensor, unit, start, count, inPlace)
        : sweep(Direction.momentum, false, g, limit, scratch, tensor, unit, start, count, inPlace);
    case Direction.nesterov:
      return isFull
        ? sweep(Direction.nesterov, true, g, limit, scratch, tensor, unit, start, count, inPlace)
        : sweep(Direction.nesterov, false, g, limit, scratch, tensor, unit, start, count, inPlace);
    case Direction.rms:
      return isFull
        ? sweep(Direction.rms, true, g, limit, scratch, tensor, unit, start, count, inPlace)
        : sweep(Direction.rms, false, g, limit, scratch, tensor, unit, start, count, inPlace);
    case Direction.rmsMomentum:
      return isFull
        ? sweep(Direction.rmsMomentum, true, g, limit, scratch, tensor, unit, start, count, inPlace)
        : sweep(Direction.rmsMomentum, false, g, limit, scratch, tensor, unit, start, count, inPlace);
    case Direction.adam:
      return isFull
        ? sweep(Direction.adam, true, g, limit, scratch, tensor, unit, start, count, inPlace)
        : sweep(Direction.adam, false, g, limit, scratch, tensor, unit, start, count, inPlace);
    default:
      unreachable();
  }
}

/**
 * A power of two that elements are multiplied by before the map, and the map is divided by: for gradients so small, or
 * so large, that float32 cannot hold the scale that brings them to 1.
 */
export function powerOf(scale: f64): f64 {
  const size = Math.abs(scale);
  if (size > 1e30) return 1152921504606846976; // 2^60
  return size > 0 && size < 1e-30 ? 8.673617379884035e-19 : 1; // 2^-60
}

/** What float32 cuts from a centre. */
@inline
export function restOf(centre: f64): f32 {
  return isFinite(centre) ? <f32>(centre - <f64><f32>centre) : 0;
}

/** The loop. `direction` and `isFull` are constants where this is inlined, so that nothing is asked inside it. */
@inline
function sweep(
  direction: u32, isFull: bool, gradient: usize, limit: f32, room: Scratch, tensor: Tensor, unit: Unit, start: u32,
  count: u32, inPlace: bool,
): void {
  const recipe = changetype<Recipe>(tensor.recipe);
  const powerOfTwo = powerOf(unit.scale);
  const power = f32x4.splat(<f32>powerOfTwo);
  // The centre in two parts, so that g − centre keeps the digits that float32 would cut from the centre.
  const wholeCentre = unit.centre * powerOfTwo;
  const centre = f32x4.splat(<f32>wholeCentre);
  const centreRest = f32x4.splat(restOf(wholeCentre));
  const scale = f32x4.splat(<f32>(unit.scale / powerOfTwo));
  const offset = f32x4.splat(<f32>unit.offset);
  const limitBefore = f32x4.splat(limit);
  const limitAfter = f32x4.splat(recipe.limitAfter);
  const factor = f32x4.splat(recipe.factor);
  const decay = f32x4.splat(recipe.decay);
  const firstRate = f32x4.splat(recipe.firstRate);
  const intake = f32x4.splat(recipe.intake);
  const secondRate = f32x4.splat(recipe.secondRate);
  const rootScale = f32x4.splat(recipe.rootScale);
  const epsRoot = f32x4.splat(recipe.epsRoot);
  const eps = f32x4.splat(recipe.eps);
  const directionScale = f32x4.splat(recipe.directionScale);
  const parameterScale = f32x4.splat(recipe.parameterScale);
  const keep = i32x4.splat(inPlace ? -1 : 0);

  const skipped = <usize>start << 2;
  let g = gradient;
  let w: usize = tensor.parameter + skipped;
  let out: usize = (inPlace ? tensor.parameter : tensor.update) + skipped;
  let m: usize = tensor.first + skipped;
  let v: usize = tensor.second + skipped;
  const scratch = changetype<usize>(room);
  const rest = count & 7;
  let bytes = <usize>(count - rest) << 2;
  let lastOut: usize = 0;
  let lastM: usize = 0;
  let lastV: usize = 0;

  for (;;) {
    const paired = bytes & ~(2 * pageSize - 1);
    for (let i: usize = 0; i < bytes;) {
      if (isPassing()) addInPassing();
      for (const stop = min(i + passingBytes, bytes); i < stop; i += cacheLine) {
        const line = i < paired ? alternating(i) : i;
        for (let at = line, lineEnd = min(line + cacheLine, bytes); at < lineEnd; at += 32) {
          updateVector(
            direction, isFull, g + at, w + at, out + at, m + at, v + at,
            limitBefore, power, centre, centreRest, scale, offset, limitAfter, factor, decay,
            firstRate, intake, secondRate, rootScale, epsRoot, eps, directionScale, parameterScale, keep,
          );
          updateVector(
            direction, isFull, g + at + 16, w + at + 16, out + at + 16, m + at + 16, v + at + 16,
            limitBefore, power, centre, centreRest, scale, offset, limitAfter, factor, decay,
            firstRate, intake, secondRate, rootScale, epsRoot, eps, directionScale, parameterScale, keep,
          );
        }
      }
    }
    if (rest == 0 || g == scratch) break;
    // The last one to seven elements go through the same loop, as two whole vectors in the scratch room.
    g += bytes;
    w += bytes;
    lastOut = out + bytes;
    lastM = m + bytes;
    lastV = v + bytes;
    copyFloats(scratch, g, rest);
    copyFloats(scratch + 32, w, rest);
    if (hasFirst(direction)) copyFloats(scratch + 64, lastM, rest);
    if (hasSecond(direction)) copyFloats(scratch + 96, lastV, rest);
    g = scratch;
    w = scratch + 32;
    m = scratch + 64;
    v = scratch + 96;
    out = scratch + 128;
    bytes = 32;
  }
  if (rest == 0) return;
  copyFloats(lastOut, scratch + 128, rest);
  if (hasFirst(direction)) copyFloats(lastM, scratch + 64, rest);
  if (hasSecond(direction)) copyFloats(lastV, scratch + 96, rest);
}

/** Four elements at these addresses. */
@inline
function updateVector(
  direction: u32, isFull: bool, g: usize, w: usize, out: usize, m: usize, v: usize,
  limitBefore: v128, power: v128, centre: v128, centreRest: v128, scale: v128, offset: v128, limitAfter: v128, factor: v128,
  decay: v128, firstRate: v128, intake: v128, secondRate: v128, rootScale: v128, epsRoot: v128, eps: v128,
  directionScale: v128, parameterScale: v128, keep: v128,
): void {
  const parameter = v128.load(w);
  let x = v128.load(g);
  if (isFull) x = f32x4.mul(limited(x, limitBefore), power);
  let y = f32x4.mul(f32x4.sub(f32x4.sub(x, centre), centreRest), scale);
  if (isFull) y = f32x4.mul(limited(f32x4.add(y, offset), limitAfter), factor);
  if (isFull || isMomentum(direction)) y = f32x4.add(y, f32x4.mul(decay, parameter));

  let second = y;
  if (hasSecond(direction)) {
    // v ← v + (((1 − b2)·y)·y − (1 − b2)·v): the small factor first, so that the square overflows last
    second = v128.load(v);
    second = f32x4.add(
      second,
      f32x4.sub(f32x4.mul(f32x4.mul(secondRate, y), y), f32x4.mul(secondRate, second)),
    );
    v128.store(v, second);
  }

  let z = y;
  if (direction == Direction.rms || direction == Direction.rmsMomentum) {
    z = f32x4.div(y, f32x4.add(f32x4.sqrt(second), eps));
  }
  if (direction == Direction.adam) {
    // m ← m + (1 − b1)·(y − m)
    let first = v128.load(m);
    first = f32x4.add(first, f32x4.mul(firstRate, f32x4.sub(z, first)));
    v128.store(m, first);
    const root = f32x4.sqrt(isFull ? f32x4.add(second, epsRoot) : second);
    z = f32x4.div(first, f32x4.add(f32x4.mul(rootScale, root), eps));
  } else if (hasFirst(direction)) {
    // m ← m + (intake·z − (1 − momentum)·m): what is small is added first, and m is rounded once
    let first = v128.load(m);
    first = f32x4.add(first, f32x4.sub(isFull ? f32x4.mul(intake, z) : z, f32x4.mul(firstRate, first)));
    v128.store(m, first);
    // Nesterov: z + momentum·m
    z = direction == Direction.nesterov
      ? f32x4.add(first, f32x4.sub(z, f32x4.mul(firstRate, first)))
      : first;
  }

  const change = f32x4.add(f32x4.mul(directionScale, z), f32x4.mul(parameterScale, parameter));
  v128.store(out, f32x4.add(isFull ? v128.and(parameter, keep) : parameter, change));
}

@inline
function isMomentum(direction: u32): bool {
  return direction == Direction.momentum || direction == Direction.nesterov;
}

@inline
function hasFirst(direction: u32): bool {
  return isMomentum(direction) || direction == Direction.rmsMomentum || direction == Direction.adam;
}

@inline
function hasSecond(direction: u32): bool {
  return direction == Direction.rms || direction == Direction.rmsMomentum || direction == Direction.adam;
}

const pageSize: usize = 4096;
const cacheLine: usize = 64;

/**
 * Of two pages, a cache line each in turn: i counts 8192 bytes up, the result visits all of them. The processor
 * prefetches each page for itself, so two in turn keep more memory accesses under way: an eighth faster than one
 * after the other for tensors beyond the cache. More than two get in each other's way.
 */
@inline
function alternating(i: usize): usize {
  return (i & ~8191) | ((i & 64) << 6) | ((i >> 1) & 4032) | (i & 63);
}

/** One to seven floats: too few for memory.copy, which calls out of the module. */
function copyFloats(to: usize, from: usize, count: u32): void {
  for (const end = from + (<usize>count << 2); from < end; from += 4, to += 4) store<f32>(to, load<f32>(from));
}
