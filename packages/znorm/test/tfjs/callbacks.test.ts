import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adam, chain, sgd, znorm } from '../../src/index.ts';
import {
  type GradientAlarm,
  type GradientReport,
  gradientMonitor,
  inspectTensors,
  type NonFiniteStop,
  restoreBestWeights,
  stopOnNonFinite,
  tfjsOptimizer,
} from '../../src/tfjs/index.ts';
import { messageOf, smallModel, smallTask, weightsOf } from './small-training.ts';

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => tf.disposeVariables());

const quiet = { verbose: 0, shuffle: false } as const;

function compiled(name: string, updateOn: 'host' | 'device' = 'host', learningRate = 0.01) {
  const model = smallModel(name);
  model.compile({
    optimizer: tfjsOptimizer(chain(znorm(), adam({ learningRate })), { updateOn }),
    loss: 'meanSquaredError',
  });
  return model;
}

describe('gradientMonitor', () => {
  it('reports the statistics of every k-th step, layer by layer, and leaves no tensor', async () => {
    const model = compiled('watched');
    const { x, y } = smallTask();
    const reports: GradientReport[] = [];
    const { numTensors } = tf.memory();
    const callbacks = gradientMonitor(model, { every: 3, onReport: (report) => reports.push(report) });
    await model.fit(x, y, { ...quiet, epochs: 2, batchSize: 8, callbacks });
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(reports.map(({ step }) => step)).toEqual([0, 3, 6]);
    expect(Object.keys(reports[0].layers)).toEqual(['watcheda', 'watchedb']);

    // The first batch, by hand.
    const fresh = smallModel();
    const loss = () =>
      tf.losses.meanSquaredError(y.slice(0, 8), fresh.predict(x.slice(0, 8)) as tf.Tensor) as tf.Scalar;
    const { norm } = await inspectTensors(tf.variableGrads(loss).grads);
    expect(reports[0].norm).toBeCloseTo(norm, 5);
  });

  it('says once when a layer begins to explode or vanish, and again when it does so again', async () => {
    const model = compiled('alarming');
    const { x, y } = smallTask();
    const alarms: GradientAlarm[] = [];
    const onAlarm = (alarm: GradientAlarm) => alarms.push(alarm);
    const scaled = (factor: number) => tf.mul(y, factor);
    const callbacks = gradientMonitor(model, { exploding: 50, onAlarm });
    const step = async (target: tf.Tensor) => {
      await model.fit(x, target, { ...quiet, batchSize: 32, callbacks });
    };
    for (const factor of [1, 1e4, 1e4, 1, 1e4]) await step(scaled(factor));
    expect(alarms.map(({ kind, layers, step }) => [kind, layers, step])).toEqual([
      ['exploding', ['alarminga', 'alarmingb'], 1],
      ['exploding', ['alarminga', 'alarmingb'], 4],
    ]);
    expect(alarms[0].message).toMatch(
      /^gradientMonitor: gradients are exploding at step 1 in 'alarminga' \(norm .*\), 'alarmingb' \(norm .*\)\.$/,
    );
    await step(model.predict(x) as tf.Tensor);
    expect(alarms.at(-1)?.kind).toBe('vanishing');
  });

  it('stands behind callbacks of TensorFlow.js', async () => {
    const model = compiled('behind');
    const { x, y } = smallTask();
    let reports = 0;
    const callbacks = [
      tf.callbacks.earlyStopping({ monitor: 'loss' }),
      gradientMonitor(model, { onReport: () => reports++ }),
    ];
    await model.fit(x, y, { ...quiet, epochs: 2, batchSize: 32, callbacks });
    expect(reports).toBe(2);
  });

  it('needs an optimizer of this library, and says so when training begins', async () => {
    const model = smallModel();
    const { x, y } = smallTask();
    const fit = () => model.fit(x, y, { ...quiet, callbacks: gradientMonitor(model) });
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    await expect(fit()).rejects.toThrow(
      'gradientMonitor: expected a model compiled with tfjsOptimizer(), got one with SGD. Call model.compile({ optimizer: tfjsOptimizer(…), … }) before fit().',
    );
    expect(messageOf(() => gradientMonitor(model, { evry: 2 } as never))).toBe(
      'gradientMonitor: unknown option `evry`. Did you mean `every`?',
    );
  });
});

describe('restoreBestWeights', () => {
  it('ends with the weights of the best epoch, and leaves no tensor', async () => {
    const { x, y } = smallTask();
    const train = async (epochs: number, learningRates: readonly number[], restore: boolean) => {
      const model = smallModel();
      const learningRate = (step: number) => learningRates[step];
      model.compile({ optimizer: tfjsOptimizer(sgd({ learningRate })), loss: 'meanSquaredError' });
      const best = restoreBestWeights(model);
      const { numTensors } = tf.memory();
      const { history } = await model.fit(x, y, {
        ...quiet,
        epochs,
        batchSize: 32,
        validationData: [x, y],
        callbacks: restore ? [best] : [],
      });
      expect(tf.memory().numTensors).toBe(numTensors);
      return { weights: weightsOf(model), best: best.best, losses: history.val_loss };
    };
    // Two steps down, then three leaps far away.
    const rates = [0.1, 0.1, 30, 30, 30];
    const five = await train(5, rates, true);
    expect(five.best).toEqual({ epoch: 1, value: five.losses[1] });
    expect(five.losses[4]).toBeGreaterThan(five.losses[1] as number);
    expect(five.weights).toEqual((await train(2, rates, false)).weights);
  });

  it('asks for a number that the epochs have', async () => {
    const model = compiled('unmonitored');
    const { x, y } = smallTask();
    await expect(model.fit(x, y, { ...quiet, callbacks: restoreBestWeights(model) })).rejects.toThrow(
      'restoreBestWeights: expected `val_loss` in the numbers of an epoch, got loss. Pass validationData to fit(), or another `monitor`.',
    );
  });
});

describe('stopOnNonFinite', () => {
  it.each(['host', 'device'] as const)(
    'names the variable and keeps the weights before it, on %s',
    async (updateOn) => {
      const model = compiled(`broken${updateOn}`, updateOn);
      const { x, y } = smallTask();
      const poisoned = tf.tidy(() => tf.concat([x.slice(0, 16), tf.fill([16, 4], Number.NaN)]));
      const stops: NonFiniteStop[] = [];
      const callbacks = stopOnNonFinite(model, { onStop: (stop) => stops.push(stop) });
      const { numTensors } = tf.memory();
      const { history } = await model.fit(poisoned, y, { ...quiet, epochs: 3, batchSize: 16, callbacks });
      expect(history.loss).toHaveLength(1);
      expect(stops).toEqual([
        {
          variable: `broken${updateOn}a/kernel`,
          count: 32,
          step: 1,
          message: `stopOnNonFinite: 32 of 32 elements of the gradient of 'broken${updateOn}a/kernel' are NaN or infinite after 1 steps. Training ends with the weights before them.`,
        },
      ]);
      expect(weightsOf(model).flat().every(Number.isFinite)).toBe(true);
      expect(tf.memory().numTensors).toBeLessThanOrEqual(numTensors + (updateOn === 'device' ? 8 : 0));
    },
  );
});
