/** Sums, means, extremes and norms over axes. */
import { emit, int64s, type Value } from '../onnx/graph.ts';
import { abs, cast, div, equal, exp, mul, square, sub, where } from './arithmetic.ts';
import { resolveAxis } from './broadcast.ts';
import { expand, reshape } from './shape.ts';
import { differentiable } from './tape.ts';

export interface ReduceOptions {
  /** Axes to reduce; negative ones count from the last. @default all */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1. @default false */
  readonly keepDims?: boolean;
}

/** Σ x over the axes */
export function reduceSum(x: Value, options: ReduceOptions = {}): Value {
  const { y, kept } = reduce('reduceSum', 'ReduceSum', x, options);
  return differentiable(y, [x], [(g) => expand(reshape(g, kept), x.shape)]);
}

/** Mean of x over the axes */
export function reduceMean(x: Value, options: ReduceOptions = {}): Value {
  const { y, kept, count } = reduce('reduceMean', 'ReduceMean', x, options);
  return differentiable(y, [x], [(g) => expand(mul(reshape(g, kept), 1 / count), x.shape)]);
}

/** Largest x over the axes; elements that tie share the gradient equally. */
export function reduceMax(x: Value, options: ReduceOptions = {}): Value {
  return reduceExtreme('reduceMax', 'ReduceMax', x, options);
}

/** Smallest x over the axes; elements that tie share the gradient equally. */
export function reduceMin(x: Value, options: ReduceOptions = {}): Value {
  return reduceExtreme('reduceMin', 'ReduceMin', x, options);
}

function reduceExtreme(name: string, opType: string, x: Value, options: ReduceOptions): Value {
  const { y, kept, axes } = reduce(name, opType, x, options);
  return differentiable(
    y,
    [x],
    [
      (g) => {
        const winners = cast(equal(x, reshape(y, kept)), 'float32');
        return mul(winners, div(reshape(g, kept), reduceSum(winners, { axes, keepDims: true })));
      },
    ],
  );
}

/** Σ |x| over the axes, with gradient 0 where x = 0 */
export function reduceL1(x: Value, options: ReduceOptions = {}): Value {
  return reduceSum(abs(x), options);
}

/** √Σ x² over the axes, with gradient 0 where the norm is 0 */
export function reduceL2(x: Value, options: ReduceOptions = {}): Value {
  const { y, kept } = reduce('reduceL2', 'ReduceL2', x, options);
  return differentiable(
    y,
    [x],
    [
      (g) => {
        const norm = reshape(y, kept);
        return mul(x, div(reshape(g, kept), where(equal(norm, 0), 1, norm)));
      },
    ],
  );
}

/** Σ x² over the axes */
export function reduceSumSquare(x: Value, options: ReduceOptions = {}): Value {
  return reduceSum(square(x), options);
}

/** log Σ eˣ over the axes, without overflow */
export function reduceLogSumExp(x: Value, options: ReduceOptions = {}): Value {
  const { y, kept } = reduce('reduceLogSumExp', 'ReduceLogSumExp', x, options);
  // ∂y/∂x = eˣ / Σ eˣ
  return differentiable(y, [x], [(g) => mul(reshape(g, kept), exp(sub(x, reshape(y, kept))))]);
}

function reduce(name: string, opType: string, x: Value, { axes, keepDims = false }: ReduceOptions) {
  const rank = x.shape.length;
  const resolved = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => resolveAxis(name, axis, rank));
  const kept = x.shape.map((size, axis) => (resolved.includes(axis) ? 1 : size));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !resolved.includes(axis));
  const count = resolved.reduce((product, axis) => product * x.shape[axis], 1);
  const y = emit(
    x.graph,
    opType,
    [x, int64s(x.graph, resolved)],
    // Without this, ONNX reads an empty list of axes as all axes.
    { keepdims: +keepDims, noop_with_empty_axes: 1 },
    shape,
  );
  return { y, kept, count, axes: resolved };
}
