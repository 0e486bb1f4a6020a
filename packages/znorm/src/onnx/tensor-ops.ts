import { type Float32Arithmetic, float32Statistics } from '../backends/float32-statistics.ts';
import { broadcastShape } from '../backends/rows.ts';
import { sizeOf } from '../parameters.ts';
import type { Operand, TensorOps } from '../tensor-ops.ts';
import type { NodeEmitter } from './node-emitter.ts';

const largestFloat32 = 3.4028234663852886e38;

/** ONNX numbers its element types. */
const typeNumbers = { float32: 1, bool: 9 } as const;

/**
 * The operations of a backend as nodes of an ONNX graph: `updateTensors` over it puts a whole chain into the graph
 * that computes the gradients, so that parameters and state need never leave the device.
 *
 * Values exist only when the graph runs: nothing is read, both sides of a branch are emitted and one is selected, and
 * nothing is to be freed.
 *
 * @example
 * const emitter = {
 *   shape: () => [2],
 *   constant: (value: number) => `${value}`,
 *   int64s: (values: readonly number[]) => `[${values}]`,
 *   node: (opType: string, inputs: readonly string[]) => `${opType}(${inputs.join(', ')})`,
 * };
 * onnxOps(emitter).add('gradient', 1); // 'Add(gradient, 1)'
 */
export function onnxOps<V>(emitter: NodeEmitter<V>): TensorOps<V> {
  const { shape } = emitter;
  const lift = (x: Operand<V>): V => (typeof x === 'number' ? emitter.constant(x) : x);
  const unary = (opType: string, x: V): V => emitter.node(opType, [x], { shape: shape(x) });
  const elementwise = (
    opType: string,
    operands: readonly Operand<V>[],
    dtype: 'float32' | 'bool' = 'float32',
  ) => {
    const values = operands.map(lift);
    return emitter.node(opType, values, { shape: broadcastShape(values.map(shape)), dtype });
  };
  const cast = (x: V, dtype: 'float32' | 'bool'): V =>
    emitter.node('Cast', [x], { shape: shape(x), dtype, attributes: { to: typeNumbers[dtype] } });
  const reduced = (opType: string, x: V, axes: readonly number[] | undefined): V => {
    const sizes = shape(x);
    const kept = sizes.map((size, axis) => (axes === undefined || axes.includes(axis) ? 1 : size));
    // A reduction over no axes, of a scalar, would be over all of them or none: both leave it as it is.
    if (sizes.length === 0 || axes?.length === 0) return x;
    const along = emitter.int64s(axes ?? sizes.map((_, axis) => axis));
    return emitter.node(opType, [x, along], {
      shape: axes === undefined ? [] : kept,
      attributes: { keepdims: axes === undefined ? 0 : 1 },
    });
  };

  const arithmetic: Float32Arithmetic<V> = {
    shape,
    full: (sizes, value) =>
      sizes.length === 0
        ? emitter.constant(value)
        : emitter.node('Expand', [emitter.constant(value), emitter.int64s(sizes)], { shape: sizes }),
    // Values of a graph are never written to.
    copy: (x) => x,

    add: (a, b) => elementwise('Add', [a, b]),
    sub: (a, b) => elementwise('Sub', [a, b]),
    mul: (a, b) => elementwise('Mul', [a, b]),
    div: (a, b) => elementwise('Div', [a, b]),
    maximum: (a, b) => elementwise('Max', [a, b]),
    minimum: (a, b) => elementwise('Min', [a, b]),
    sqrt: (x) => unary('Sqrt', x),
    abs: (x) => unary('Abs', x),

    isFinite: (x) => cast(elementwise('LessOrEqual', [unary('Abs', x), largestFloat32], 'bool'), 'float32'),
    where: (condition, a, b) => elementwise('Where', [cast(condition, 'bool'), a, b]),

    sum: (x, axes) => reduced('ReduceSum', x, axes),
    pad: (x, axis, count) => {
      const sizes = shape(x);
      const none = sizes.map(() => 0);
      const pads = emitter.int64s([...none, ...none.with(axis, count)]);
      return emitter.node('Pad', [x, pads, emitter.constant(0)], {
        shape: sizes.with(axis, sizes[axis] + count),
      });
    },
    reshape: (x, sizes) =>
      emitter.node('Reshape', [x, emitter.int64s(sizes)], { shape: sizes, attributes: { allowzero: 1 } }),
    tidy: (body) => body(),
  };

  return {
    ...arithmetic,
    ...float32Statistics(arithmetic),
    // ReduceMax passes over NaN, of which the sum then tells.
    max: (x, axes) => {
      const numbers = elementwise('Equal', [x, x], 'bool');
      const nans = elementwise('Where', [numbers, 0, x]);
      return arithmetic.add(reduced('ReduceMax', x, axes), reduced('ReduceSum', nans, axes));
    },
    sign: (x) => unary('Sign', x),
    lessEqual: (a, b) => cast(elementwise('LessOrEqual', [a, b], 'bool'), 'float32'),
    transpose: (x, permutation) =>
      emitter.node('Transpose', [x], {
        shape: permutation.map((axis) => shape(x)[axis]),
        attributes: { perm: permutation },
      }),
    matmul: (a, b) => emitter.node('MatMul', [a, b], { shape: [shape(a)[0], shape(b)[1]] }),
    sample(x, stride, offset) {
      const size = sizeOf(shape(x));
      const bounds = [[offset], [size], [0], [stride]].map(emitter.int64s);
      return emitter.node('Slice', [arithmetic.reshape(x, [size]), ...bounds], {
        shape: [Math.max(0, Math.ceil((size - offset) / stride))],
      });
    },
    branch(flag, whenTrue, whenFalse) {
      if (typeof flag === 'number') return flag !== 0 ? whenTrue() : whenFalse();
      const otherwise = whenFalse();
      return whenTrue().map((x, i) => arithmetic.where(flag, x, otherwise[i]));
    },
  };
}
