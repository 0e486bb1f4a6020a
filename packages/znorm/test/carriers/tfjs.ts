import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { ArrayTensor } from '../../src/backends/arrays.ts';
import { expressionOps, leaf, tensorOf } from '../../src/tfjs/expression-ops.ts';
import { tfjsOps } from '../../src/tfjs/tensor-ops.ts';
import { type Carrier, mapNamed } from './carrier.ts';

export function tfjsTensor({ data, shape }: ArrayTensor): tf.Tensor {
  return tf.tensor(Float32Array.from(data), [...shape]);
}

export function tfjsValues(x: tf.Tensor): ArrayTensor {
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
      const results = tfjsOps.tidy(() => computation(tfjsOps, fed));
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

/** The same through expressions that become programs. */
export const tfjsProgramsCarrier: Carrier = {
  name: 'TensorFlow.js in programs',
  compiles: false,
  compile: (computation) => ({
    async run(inputs) {
      const fed = mapNamed(inputs, tfjsTensor);
      const results = tfjsOps.tidy(() =>
        mapNamed(computation(expressionOps, mapNamed(fed, leaf)), (result) => tf.clone(tensorOf(result))),
      );
      const values: Record<string, ArrayTensor> = {};
      for (const [name, x] of Object.entries(results))
        values[name] = { shape: x.shape, data: await x.data<'float32'>() };
      tf.dispose([...Object.values(fed), ...Object.values(results)]);
      return values;
    },
    release: async () => {},
  }),
};
