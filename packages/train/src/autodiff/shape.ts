/** Operators that move elements without computing: their gradients move them back. */
import { elementCount, emit, emitMany, int64s, sameShape, type Value } from '../onnx/graph.ts';
import { broadcastShape, lift, resolveAxis, sumTo } from './broadcast.ts';
import { differentiable, differentiableMany } from './tape.ts';

/** The same elements in another shape. One size may be -1: it is inferred. */
export function reshape(x: Value, shape: readonly number[]): Value {
  const known = elementCount(shape.filter((size) => size !== -1));
  const target = shape.map((size) => (size === -1 ? elementCount(x.shape) / known : size));
  const inferable = shape.filter((size) => size === -1).length <= 1 && target.every(Number.isInteger);
  if (!inferable || elementCount(target) !== elementCount(x.shape))
    throw new RangeError(
      `reshape: expected a shape of ${elementCount(x.shape)} elements, got [${shape}] for a tensor of shape [${x.shape}].`,
    );
  if (sameShape(target, x.shape)) return x;
  const y = emit(x.graph, 'Reshape', [x, int64s(x.graph, target)], { allowzero: 1 }, target);
  return differentiable(y, [x], [(g) => reshape(g, x.shape)]);
}

/** Axis i of the result is axis `permutation[i]` of x. @param permutation @default all axes reversed */
export function transpose(x: Value, permutation?: readonly number[]): Value {
  const rank = x.shape.length;
  const perm = permutation ?? x.shape.map((_, axis) => rank - 1 - axis);
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => x.shape[axis] === undefined))
    throw new RangeError(`transpose: expected a permutation of ${rank} axes, got [${perm}].`);
  if (perm.every((axis, i) => axis === i)) return x;
  const y = emit(
    x.graph,
    'Transpose',
    [x],
    { perm },
    perm.map((axis) => x.shape[axis]),
  );
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return differentiable(y, [x], [(g) => transpose(g, inverse)]);
}

/** x repeated along its axes of size 1. */
export function expand(x: Value, shape: readonly number[]): Value {
  if (!sameShape(broadcastShape('expand', x.shape, shape), shape))
    throw new RangeError(`expand: expected a shape that [${x.shape}] broadcasts to, got [${shape}].`);
  if (sameShape(x.shape, shape)) return x;
  const y = emit(x.graph, 'Expand', [x, int64s(x.graph, shape)], {}, shape);
  return differentiable(y, [x], [(g) => sumTo(g, x.shape)]);
}

/** Tensors joined along an axis. */
export function concat(values: readonly Value[], axis: number): Value {
  const first = values[0];
  if (!first) throw new RangeError('concat: expected at least one tensor, got none.');
  const along = resolveAxis('concat', axis, first.shape.length);
  const rest = (value: Value) => value.shape.toSpliced(along, 1);
  for (const value of values)
    if (!sameShape(rest(value), rest(first)))
      throw new RangeError(
        `concat: expected shapes equal but for axis ${along}, got ${values.map((v) => `[${v.shape}]`).join(' and ')}.`,
      );
  if (values.length === 1) return first;
  const sizes = values.map((value) => value.shape[along]);
  const shape = first.shape.with(
    along,
    sizes.reduce((a, b) => a + b),
  );
  const y = emit(first.graph, 'Concat', values, { axis: along }, shape);
  // All gradients come from one Split: equal nodes are emitted once.
  return differentiable(
    y,
    values,
    values.map((_, i) => (g) => split(g, { axis: along, sizes })[i]),
  );
}

/** Consecutive pieces of x along an axis, of the given sizes. */
export function split(
  x: Value,
  { axis, sizes }: { axis: number; sizes: readonly number[] },
): readonly Value[] {
  const along = resolveAxis('split', axis, x.shape.length);
  const sum = sizes.reduce((a, b) => a + b, 0);
  if (sum !== x.shape[along])
    throw new RangeError(
      `split: expected sizes that add to ${x.shape[along]}, got [${sizes}] (${sum}) for axis ${along}.`,
    );
  if (sizes.length === 1) return [x];
  const pieces = emitMany(
    x.graph,
    'Split',
    [x, int64s(x.graph, sizes)],
    { axis: along },
    sizes.map((size) => ({ shape: x.shape.with(along, size) })),
  );
  return differentiableMany(pieces, [x], [(...gs) => concat(gs, along)]);
}

export interface SliceOptions {
  readonly axis: number;
  /** First index; negative counts from the end. @default 0 */
  readonly start?: number;
  /** Index after the last; negative counts from the end. @default the size of the axis */
  readonly end?: number;
  /** Distance between taken elements, at least 1. @default 1 */
  readonly step?: number;
}

/** Every `step`-th element from `start` up to `end` along one axis. */
export function slice(x: Value, { axis, start = 0, end, step = 1 }: SliceOptions): Value {
  const along = resolveAxis('slice', axis, x.shape.length);
  const size = x.shape[along];
  const first = start < 0 ? start + size : start;
  const last = end === undefined ? size : end < 0 ? end + size : end;
  if (first < 0 || last > size || first >= last || step < 1)
    throw new RangeError(
      `slice: expected 0 <= start < end <= ${size} and step >= 1, got start ${start}, end ${end}, step ${step} for axis ${along}.`,
    );
  if (first === 0 && last === size && step === 1) return x;
  const taken = Math.ceil((last - first) / step);
  const { graph } = x;
  const y = emit(
    graph,
    'Slice',
    [x, int64s(graph, [first]), int64s(graph, [last]), int64s(graph, [along]), int64s(graph, [step])],
    {},
    x.shape.with(along, taken),
  );
  const spread = (taken - 1) * step + 1;
  return differentiable(
    y,
    [x],
    [(g) => padAxis(dilateAxis(g, along, step), along, first, size - first - spread)],
  );
}

/** Inserts `step − 1` zeros between neighbours along an axis. */
function dilateAxis(x: Value, axis: number, step: number): Value {
  const size = x.shape[axis];
  if (step === 1) return x;
  const apart = reshape(x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]);
  const filled = reshape(padAxis(apart, axis + 1, 0, step - 1), x.shape.with(axis, size * step));
  return slice(filled, { axis, end: (size - 1) * step + 1 });
}

function padAxis(x: Value, axis: number, before: number, after: number): Value {
  const zeros = x.shape.map(() => 0);
  return pad(x, { before: zeros.with(axis, before), after: zeros.with(axis, after) });
}

export interface PadOptions {
  /** Elements added before and after, one number an axis; negative ones crop. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** What to fill with. @default 0 */
  readonly value?: number;
}

/** x with a constant border. */
export function pad(x: Value, { before, after, value = 0 }: PadOptions): Value {
  const rank = x.shape.length;
  if (before.length !== rank || after.length !== rank)
    throw new RangeError(`pad: expected ${rank} sizes before and after, got [${before}] and [${after}].`);
  if ([...before, ...after].every((size) => size === 0)) return x;
  const shape = x.shape.map((size, axis) => size + before[axis] + after[axis]);
  const [fill] = lift('pad', value, x) as [Value];
  const y = emit(x.graph, 'Pad', [x, int64s(x.graph, [...before, ...after]), fill], {}, shape, x.dtype);
  const negate = (sizes: readonly number[]) => sizes.map((size) => -size);
  return differentiable(y, [x], [(g) => pad(g, { before: negate(before), after: negate(after) })]);
}
