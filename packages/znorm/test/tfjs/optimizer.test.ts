import * as tf from '@tensorflow/tfjs';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adam, adamw, chain, emaOfParams, linear, momentum, nonfinite, sgd, znorm } from '../../src/index.ts';
import { tfjsOptimizer } from '../../src/tfjs/index.ts';
import { apply, messageOf, smallModel, smallTask, train, valuesOf, variable } from './small-training.ts';

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => tf.disposeVariables());

const places = ['host', 'device'] as const;

describe('a chain as an optimizer of TensorFlow.js', () => {
  it('is one for instanceof, and trains a model through compile and fit', async () => {
    const optimizer = tfjsOptimizer(chain(znorm(), adamw({ learningRate: 1e-2 })));
    expect(Object.getPrototypeOf(Object.getPrototypeOf(optimizer))).toBe(tf.Optimizer.prototype);
    const model = smallModel();
    const { x, y } = smallTask();
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 8, verbose: 0 });
    expect(history.loss[29]).toBeLessThan(0.5 * (history.loss[0] as number));
    expect(optimizer.iterations).toBe(30 * 4);
  });

  it.each(places)('adam gives the loss curve of tf.train.adam over 200 steps, on %s', async (updateOn) => {
    const curve = async (optimizer: tf.Optimizer) => {
      const model = smallModel();
      model.compile({ optimizer, loss: 'meanSquaredError' });
      return await train(model, 200);
    };
    const own = await curve(tfjsOptimizer(adam({ learningRate: 1e-2, eps: 1e-7 }), { updateOn }));
    const theirs = await curve(tf.train.adam(1e-2, 0.9, 0.999, 1e-7));
    // Their powers of beta are products of float32, ours are exact: a rounding (6e-8) a step. The loss is below 2.
    own.forEach((loss, step) => {
      expect(Math.abs(loss - theirs[step]), `step ${step}`).toBeLessThan(1e-5);
    });
    expect(theirs[199]).toBeLessThan(0.2 * theirs[0]);
  });

  it.each(places)('minimize does what computeGradients and applyGradients do, on %s', (updateOn) => {
    const optimizer = () => tfjsOptimizer(momentum({ learningRate: 0.1 }), { updateOn });
    const [a, b] = [variable([1, -2]), variable([1, -2])];
    const [first, second] = [optimizer(), optimizer()];
    const cost = first.minimize(() => tf.sum(tf.square(a)), true, [a]);
    const { value, grads } = second.computeGradients(() => tf.sum(tf.square(b)), [b]);
    second.applyGradients([{ name: b.name, tensor: grads[b.name] }]);
    expect([valuesOf(cost!), valuesOf(value)]).toEqual([[5], [5]]);
    // w − 0.1 · 2w
    expect(valuesOf(a).map((x) => x.toFixed(6))).toEqual(['0.800000', '-1.600000']);
    expect(valuesOf(b)).toEqual(valuesOf(a));
  });

  it.each(places)('schedules go by the step, on %s', (updateOn) => {
    const w = variable([0]);
    const learningRate = linear({ from: 1, to: 0, steps: 4 });
    const optimizer = tfjsOptimizer(sgd({ learningRate }), { updateOn });
    const moved = [0, 1, 2, 3, 4].map(() => {
      apply(optimizer, { [w.name]: [-1] });
      return w.dataSync()[0];
    });
    expect(moved).toEqual([1, 1.75, 2.25, 2.5, 2.5]);
    expect(optimizer.iterations).toBe(5);
  });

  // setMomentum() of theirs changes nothing.
  it.each(places)('a rate that is changed between steps holds from the next one on, on %s', (updateOn) => {
    const w = variable([0]);
    let rate = 1;
    const optimizer = tfjsOptimizer(momentum({ learningRate: () => rate, momentum: 0.5 }), { updateOn });
    const moved = [1, 1, 10].map((next) => {
      rate = next;
      apply(optimizer, { [w.name]: [-1] });
      return w.dataSync()[0];
    });
    expect(moved).toEqual([1, 2.5, 20]);
  });

  it('goes on where it was when steps move to the device and back', () => {
    const run = (...steps: readonly ('host' | 'device')[]) => {
      const w = variable([0.5, -1, 2]);
      let updateOn: 'host' | 'device' = 'host';
      const options = {
        get updateOn() {
          return updateOn;
        },
      };
      const optimizer = tfjsOptimizer(adam({ learningRate: 0.1 }), options);
      for (const [i, place] of steps.entries()) {
        updateOn = place;
        apply(optimizer, { [w.name]: [1, 2 + i, -1 / (i + 1)] });
      }
      return valuesOf(w);
    };
    const stayed = run('host', 'host', 'host');
    // float32 on both, rounded in another order
    for (const [i, x] of run('host', 'device', 'host').entries()) expect(x).toBeCloseTo(stayed[i], 6);
    expect(run('host')).not.toEqual(stayed);
  });

  it('sees what else moves a variable between steps', () => {
    const w = variable([1, 2]);
    const optimizer = tfjsOptimizer(sgd({ learningRate: 1 }));
    apply(optimizer, { [w.name]: [1, 1] });
    tf.tidy(() => w.assign(tf.tensor1d([10, 20])));
    apply(optimizer, { [w.name]: [1, 1] });
    expect(valuesOf(w)).toEqual([9, 19]);
  });

  it('leaves a copy of a variable as it was', () => {
    const w = variable([1, 2]);
    const before = w.clone();
    apply(tfjsOptimizer(sgd({ learningRate: 1 })), { [w.name]: [1, 1] });
    expect([valuesOf(before), valuesOf(w)]).toEqual([
      [1, 2],
      [0, 1],
    ]);
  });

  it.each(places)('a skipped step moves nothing and counts, on %s', (updateOn) => {
    const w = variable([1, 2]);
    const optimizer = tfjsOptimizer(chain(nonfinite({ action: 'skip' }), sgd({ learningRate: 1 })), {
      updateOn,
    });
    apply(optimizer, { [w.name]: [Number.NaN, 1] });
    expect(valuesOf(w)).toEqual([1, 2]);
    expect(optimizer.iterations).toBe(1);
  });

  it('reads the rate, role and axis of a variable as its owner knows them', () => {
    const w = tf.tidy(() =>
      tf.variable(
        tf.tensor2d([
          [1, 2],
          [3, 5],
        ]),
        true,
        'mixer',
      ),
    );
    const gradient = tf.tensor2d([
      [0, 2],
      [0, 4],
    ]);
    const optimizer = tfjsOptimizer(chain(znorm({ scope: 'output', eps: 0 }), sgd({ learningRate: 1 })), {
      describe: ({ path }) => (path === 'mixer' ? { outputAxis: 0 } : undefined),
    });
    optimizer.applyGradients({ mixer: gradient });
    // Row by row, (0, 2) and (0, 4) are (−1, 1); column by column, the first would be 0.
    expect(valuesOf(w)).toEqual([2, 1, 4, 4]);
  });
});

describe('by default, a step', () => {
  /** Operations of TensorFlow.js that a second step launches on a backend of floats of so many bits. */
  async function launches(backend: string, bits: 16 | 32): Promise<number> {
    tf.registerBackend(backend, () => Object.assign(new MathBackendCPU(), { floatPrecision: () => bits }));
    tf.copyRegisteredKernels('cpu', backend);
    await tf.setBackend(backend);
    const w = variable([1, 2, 3]);
    const gradient = tf.tensor1d([0, 1e-6, -1e-6]);
    const optimizer = tfjsOptimizer(adam());
    optimizer.applyGradients({ [w.name]: gradient });
    const { kernels } = await tf.profile(() => void optimizer.applyGradients({ [w.name]: gradient }));
    expect(valuesOf(w).every(Number.isFinite)).toBe(true);
    return kernels.length;
  }

  afterEach(() => tf.setBackend('cpu'));

  it('runs on a device of its own, but on the processor where floats have 16 bits and eps would be 0', async () => {
    expect(await launches('device32', 32)).toBeGreaterThan(5);
    expect(await launches('device16', 16)).toBe(0);
  });
});

describe('evaluating', () => {
  it.each(places)('puts the averaged parameters in for as long as it takes, on %s', async (updateOn) => {
    const w = variable([8]);
    const optimizer = tfjsOptimizer(chain(sgd({ learningRate: 1 }), emaOfParams({ decay: 0.5 })), {
      updateOn,
    });
    apply(optimizer, { [w.name]: [4] });
    const { numTensors } = tf.memory();
    // 8, then 4: the average begins at 8.
    expect(await optimizer.evaluating(async () => valuesOf(w))).toEqual([6]);
    expect(valuesOf(w)).toEqual([4]);
    await expect(optimizer.evaluating(() => Promise.reject(new Error('in between')))).rejects.toThrow();
    expect([valuesOf(w), tf.memory().numTensors]).toEqual([[4], numTensors]);
    apply(optimizer, { [w.name]: [0] });
    expect([valuesOf(w), await optimizer.evaluating(() => valuesOf(w))]).toEqual([[4], [5]]);
  });
});

describe('an observer', () => {
  it('sees the gradients of every step before it is taken, until it is stopped', () => {
    const w = variable([1]);
    const optimizer = tfjsOptimizer(sgd({ learningRate: 1 }));
    const seen: number[][] = [];
    const stop = optimizer.observe((gradients) => {
      seen.push([...valuesOf(gradients[w.name]), ...valuesOf(w)]);
    });
    apply(optimizer, { [w.name]: [2] });
    apply(optimizer, { [w.name]: [3] });
    stop();
    apply(optimizer, { [w.name]: [4] });
    expect(seen).toEqual([
      [2, 1],
      [3, -1],
    ]);
  });

  it('that says false keeps the step from being taken', () => {
    const w = variable([1]);
    const optimizer = tfjsOptimizer(sgd({ learningRate: 1 }));
    optimizer.observe(() => false);
    apply(optimizer, { [w.name]: [2] });
    expect([valuesOf(w), optimizer.iterations]).toEqual([[1], 0]);
  });
});

describe('what is refused', () => {
  it.each([
    [
      () => tfjsOptimizer(znorm as never),
      'tfjsOptimizer: expected a gradient transformation, got a function. Pass chain(znorm(), adam()) or the like.',
    ],
    [
      () => tfjsOptimizer(adam(), { modle: undefined } as never),
      'tfjsOptimizer: unknown option `modle`. Did you mean `model`?',
    ],
    [
      () => tfjsOptimizer(adam(), { updateOn: 'gpu' as never }),
      "tfjsOptimizer: expected `updateOn` to be one of 'auto', 'host', 'device', got 'gpu'.",
    ],
    [
      () => apply(tfjsOptimizer(adam()), { nobody: [1] }),
      "applyGradients: expected the name of a variable, got 'nobody'. Pass { [variable.name]: gradient }.",
    ],
    // Taught by tutorials for tf.train.adam, which then turns weights into NaN without a word.
    [
      () => tfjsOptimizer(adam({ learningRate: 0.1, clipValue: 1 } as never)),
      'adam: unknown option `clipValue`. Clip before it: chain(clipByValue({ clipValue }), adam({ … })).',
    ],
  ])('%s', (call, message) => {
    expect(messageOf(call)).toBe(message);
  });

  it('a gradient of another shape than its variable, on processor and device', () => {
    const w = variable([1, 2], 'odd');
    for (const updateOn of places) {
      const wrong = () => apply(tfjsOptimizer(adam(), { updateOn }), { odd: [1, 2, 3] });
      expect(messageOf(wrong)).toMatch(/expected a gradient of shape \[2\], got \[3\] at 'odd'\.$/);
    }
    expect(valuesOf(w)).toEqual([1, 2]);
  });
});
