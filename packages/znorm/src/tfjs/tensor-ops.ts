import * as tf from '@tensorflow/tfjs-core';
import { type Float32Arithmetic, float32Statistics } from '../backends/float32-statistics.ts';
import type { Operand, TensorOps } from '../tensor-ops.ts';

type Tensor = tf.Tensor;

const largestFloat32 = 3.4028234663852886e38;

const arithmetic = {
  shape: (x) => x.shape,
  full: (shape, value) => tf.fill([...shape], value),
  // TensorFlow.js never writes into a tensor: a second owner of the same data is as good as a copy.
  copy: (x) => tf.clone(x),

  add: (a, b) => tf.add(a, b),
  sub: (a, b) => tf.sub(a, b),
  mul: (a, b) => tf.mul(a, b),
  div: (a, b) => tf.div(a, b),
  maximum: (a, b) => tf.maximum(a, b),
  minimum: (a, b) => tf.minimum(a, b),
  sqrt: (x) => tf.sqrt(x),
  abs: (x) => tf.abs(x),
  // tf.sign gives 0 for NaN on some backends.
  sign: (x) => tf.tidy(() => tf.where(tf.equal(x, x), tf.sign(x), x)),

  lessEqual: (a, b) => tf.tidy(() => tf.cast(tf.lessEqual(a, b), 'float32')),
  // Not tf.isFinite or tf.isNaN: GPU compilers may assume that there is no NaN; they do not touch a comparison.
  isFinite: (x) => tf.tidy(() => tf.cast(tf.lessEqual(tf.abs(x), largestFloat32), 'float32')),
  where: (condition, a, b) => tf.tidy(() => tf.where(tf.notEqual(condition, 0), a, b)),

  sum: (x, axes) => (axes ? tf.sum(x, [...axes], true) : tf.sum(x)),
  max: (x, axes) => (axes ? tf.max(x, [...axes], true) : tf.max(x)),
  pad: (x, axis, count) =>
    tf.pad(
      x,
      x.shape.map((_, i): [number, number] => [0, i === axis ? count : 0]),
    ),
  reshape: (x, shape) => tf.reshape(x, [...shape]),
  tidy: <R>(body: () => R): R => tf.tidy(body as () => tf.TensorContainer) as R,
} satisfies Float32Arithmetic<Tensor> & Partial<TensorOps<Tensor>>;

/**
 * `TensorOps` on the tensors of TensorFlow.js, on whichever of its backends is chosen: what every transformation runs
 * on where gradients stay on a device. For floats of 32 bits: with 16, an `eps` of 1e-8 is 0.
 *
 *     const state = init(optimizer, params, infos, tfjsOps);
 *     const { updates } = update(optimizer, gradients, state, params, infos, tfjsOps);
 */
export const tfjsOps: TensorOps<Tensor> = {
  ...arithmetic,
  ...float32Statistics<Tensor>(arithmetic),
  tensor: (values, shape) => tf.tensor(values, [...shape]),
  weightedSum: (a, x, b, y) => tf.tidy(() => tf.add(scaled(a, x), scaled(b, y))),
  transpose: (x, permutation) => tf.transpose(x, [...permutation]),
  matmul: (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D),
  sample: (x, stride, offset) =>
    tf.tidy(() => {
      const flat = tf.reshape(x, [-1]);
      return tf.stridedSlice(flat, [Math.min(offset, x.size)], [x.size], [stride]);
    }),
  branch(flag, whenTrue, whenFalse) {
    return (typeof flag === 'number' ? flag : onlyValue(flag)) !== 0 ? whenTrue() : whenFalse();
  },
  toNumber: onlyValue,
};

/** a · x, without launching a kernel for what is no arithmetic on a tensor. */
function scaled(a: Operand<Tensor>, x: Operand<Tensor>): Operand<Tensor> {
  if (typeof a === 'number' && typeof x === 'number') return a * x;
  return a === 1 ? x : tf.mul(a, x);
}

function onlyValue(x: Operand<Tensor>): number {
  if (typeof x === 'number') return x;
  if (x.size !== 1) throw new RangeError(`toNumber: expected one element, got shape [${x.shape}].`);
  return x.dataSync()[0];
}
