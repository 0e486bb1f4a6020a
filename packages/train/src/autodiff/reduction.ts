/** Sums, means and maxima over axes. */
import { emit, int64s, type Value } from '../onnx/graph.ts';
import { cast, div, equal, mul } from './arithmetic.ts';
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
  const { y, kept, axes } = reduce('reduceMax', 'ReduceMax', x, options);
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
