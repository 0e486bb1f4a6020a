import * as tf from '@tensorflow/tfjs-core';
import { knownOptions } from '../option-checks.ts';
import { type CompiledModel, type FitCallback, fitCallback, optimizerOf } from './fit-callback.ts';
import { type Gradients, inProcessorMemory } from './host-update.ts';
import { tfjsOps } from './tensor-ops.ts';

export interface NonFiniteStop {
  /** Name of the first variable whose gradient is not finite. */
  readonly variable: string;
  /** How many of its gradient's elements are NaN or infinite. */
  readonly count: number;
  /** Steps that had been taken before. */
  readonly step: number;
  readonly message: string;
}

/**
 * Ends `fit` at the first gradient with a NaN or an infinity in it and says whose it is. That step is not taken: the
 * model keeps its last finite weights.
 *
 * @param model   compiled with `tfjsOptimizer` by the time training begins
 * @param options.onStop what to do besides. @default a warning on the console
 * @throws TypeError when training begins, if the optimizer is another
 * @example
 * const model = tf.sequential({ layers: [tf.layers.dense({ name: 'only', units: 1, inputShape: [1] })] });
 * model.compile({ optimizer: tfjsOptimizer(adam()), loss: 'meanSquaredError' });
 * let stopped = '';
 * const callbacks = stopOnNonFinite(model, { onStop: ({ variable }) => { stopped = variable; } });
 * await model.fit(tf.tensor2d([[Number.NaN]]), tf.ones([1, 1]), { epochs: 3, verbose: 0, callbacks });
 * stopped; // 'only/kernel'
 */
export function stopOnNonFinite(
  model: CompiledModel,
  options: { readonly onStop?: (stop: NonFiniteStop) => void } = {},
): FitCallback {
  knownOptions('stopOnNonFinite', options, ['onStop']);
  const { onStop = ({ message }) => console.warn(message) } = options;
  let unobserve = () => {};
  return fitCallback({
    onTrainBegin() {
      unobserve();
      const optimizer = optimizerOf('stopOnNonFinite', model);
      unobserve = optimizer.observe((gradients) => {
        const counts = nonFiniteCounts(gradients);
        const bad = Object.keys(gradients).findIndex((_, i) => counts[i] > 0);
        if (bad < 0) return true;
        const [variable, { size }] = Object.entries(gradients)[bad];
        const [count, step] = [counts[bad], optimizer.iterations];
        model.stopTraining = true;
        onStop({
          variable,
          count,
          step,
          message: `stopOnNonFinite: ${count} of ${size} elements of the gradient of '${variable}' are NaN or infinite after ${step} steps. Training ends with the weights before them.`,
        });
        return false;
      });
    },
    onTrainEnd() {
      unobserve();
    },
  });
}

/** On a device, with one number a tensor to be read. */
function nonFiniteCounts(gradients: Gradients): ArrayLike<number> {
  const tensors = Object.values(gradients);
  if (inProcessorMemory()) {
    return tensors.map((x) => {
      let count = 0;
      for (const value of x.dataSync<'float32'>()) if (!Number.isFinite(value)) count++;
      return count;
    });
  }
  return tf.tidy(() =>
    tf.stack(tensors.map((x) => tf.sum(tf.sub(1, tfjsOps.isFinite(x))))).dataSync<'float32'>(),
  );
}
