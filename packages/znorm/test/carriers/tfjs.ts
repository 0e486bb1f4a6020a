import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { ArrayTensor } from '../../src/backends/arrays.ts';
import { type Float32Arithmetic, float32Statistics } from '../../src/backends/float32-statistics.ts';
import type { Operand, TensorOps } from '../../src/tensor-ops.ts';
import { type Carrier, mapNamed } from './carrier.ts';

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

/** TensorFlow.js, eagerly, on whichever of its backends is chosen. */
export const tfjs: TensorOps<Tensor> = {
  ...arithmetic,
  ...float32Statistics<Tensor>(arithmetic),
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

function onlyValue(x: Operand<Tensor>): number {
  if (typeof x === 'number') return x;
  if (x.size !== 1) throw new RangeError(`toNumber: expected one element, got shape [${x.shape}].`);
  return x.dataSync()[0];
}

export function tfjsTensor({ data, shape }: ArrayTensor): Tensor {
  return tf.tensor(Float32Array.from(data), [...shape]);
}

export function tfjsValues(x: Tensor): ArrayTensor {
  return { shape: x.shape, data: x.dataSync<'float32'>() };
}

/** Also counts: whatever a computation makes and does not return is gone after it. */
export const tfjsCarrier: Carrier = {
  name: 'TensorFlow.js',
  compiles: false,
  compile: (computation) => ({
    async run(inputs) {
      const fed = mapNamed(inputs, tfjsTensor);
      const before = tf.memory().numTensors;
      const results = tfjs.tidy(() => computation(tfjs, fed));
      const made = new Set(Object.values(results).filter((x) => !Object.values(fed).includes(x)));
      const leaked = tf.memory().numTensors - before - made.size;
      if (leaked !== 0) throw new Error(`expected no tensor left behind, got ${leaked}`);
      const values = mapNamed(results, tfjsValues);
      tf.dispose([...Object.values(fed), ...made]);
      return values;
    },
    release: async () => {},
  }),
};
