import * as tf from '@tensorflow/tfjs-core';
import { knownOptions, oneOf } from '../option-checks.ts';
import { type FitCallback, fitCallback } from './fit-callback.ts';

export interface RestoreBestWeightsOptions {
  /** The number of an epoch that is compared. @default 'val_loss' */
  readonly monitor?: string;
  /** Whether less or more of it is better. @default 'max' for names with `acc` in them, else 'min' */
  readonly mode?: 'min' | 'max';
}

export interface BestWeightsCallback extends FitCallback {
  /** The best epoch so far. */
  readonly best: { readonly epoch: number; readonly value: number } | undefined;
}

/** A model, as much as is needed of it. */
interface WeightedModel {
  getWeights(): tf.Tensor[];
  setWeights(weights: tf.Tensor[]): void;
}

/**
 * Gives the model, when `fit` ends, the weights that it had after its best epoch. Behind `earlyStopping` of
 * TensorFlow.js, which cannot do this, it is early stopping as Keras knows it:
 *
 *     callbacks: [tf.callbacks.earlyStopping({ patience: 5 }), restoreBestWeights(model)]
 *
 * The optimizer's state stays that of the last epoch. An epoch whose number is NaN is never the best.
 *
 * @throws RangeError at the end of an epoch that has no such number
 * @example
 * const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
 * model.compile({ optimizer: tfjsOptimizer(adam()), loss: 'meanSquaredError' });
 * const callbacks = restoreBestWeights(model, { monitor: 'loss' });
 * await model.fit(tf.ones([6, 2]), tf.ones([6, 1]), { epochs: 2, verbose: 0, callbacks });
 * callbacks.best?.epoch; // 1
 */
export function restoreBestWeights(
  model: WeightedModel,
  options: RestoreBestWeightsOptions = {},
): BestWeightsCallback {
  knownOptions('restoreBestWeights', options, ['monitor', 'mode']);
  const { monitor = 'val_loss' } = options;
  const mode = oneOf('restoreBestWeights', 'mode', options.mode ?? (/acc/.test(monitor) ? 'max' : 'min'), [
    'min',
    'max',
  ]);
  let best: { epoch: number; value: number } | undefined;
  let weights: tf.Tensor[] = [];

  return Object.defineProperties(
    fitCallback({
      onTrainBegin() {
        best = undefined;
        tf.dispose(weights);
        weights = [];
      },
      onEpochEnd(epoch, logs = {}) {
        const value = logs[monitor];
        if (typeof value !== 'number') {
          throw new RangeError(
            `restoreBestWeights: expected \`${monitor}\` in the numbers of an epoch, got ${Object.keys(logs).join(', ') || 'none'}. Pass validationData to fit(), or another \`monitor\`.`,
          );
        }
        const isBetter = best === undefined || (mode === 'min' ? value < best.value : value > best.value);
        if (Number.isNaN(value) || !isBetter) return;
        best = { epoch, value };
        tf.dispose(weights);
        weights = model.getWeights().map((tensor) => tf.keep(tf.clone(tensor)));
      },
      onTrainEnd() {
        if (best) model.setWeights(weights);
        tf.dispose(weights);
        weights = [];
      },
    }),
    { best: { get: () => best, enumerable: true } },
  ) as BestWeightsCallback;
}
