import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adamw, chain, clipByGlobalNorm, nonfinite, znorm } from '../../src/index.ts';
import { tfjsOptimizer } from '../../src/tfjs/index.ts';
import { apply, messageOf, smallModel, train, valuesOf, variable } from './small-training.ts';

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => tf.disposeVariables());

const places = ['host', 'device'] as const;
const tensors = () => tf.memory().numTensors;

describe.each(places)('on %s, the number of tensors', (updateOn) => {
  it('is after 1,000 steps what it was after one, and nothing is left of a disposed optimizer', () => {
    const [a, b] = [variable([1, 2, 3]), variable([1])];
    const empty = tensors();
    const optimizer = tfjsOptimizer(chain(clipByGlobalNorm({ maxNorm: 1 }), znorm(), adamw()), { updateOn });
    const gradients = { [a.name]: [3, -4, 5], [b.name]: [7] };
    apply(optimizer, gradients);
    const afterOne = tensors();
    for (let step = 1; step < 1000; step++) apply(optimizer, gradients);
    expect(tensors()).toBe(afterOne);
    optimizer.dispose();
    expect(tensors()).toBe(empty);
  });

  it('is the same after trainOnBatch, minimize with and without its cost, and computeGradients', async () => {
    const model = smallModel();
    const optimizer = tfjsOptimizer(chain(znorm(), adamw()), { updateOn });
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const w = variable([1, 2]);
    const loss = () => tf.sum(tf.square(w)) as tf.Scalar;
    const everything = async () => {
      await train(model, 2);
      optimizer.minimize(loss, true, [w])?.dispose();
      optimizer.minimize(loss, false, [w]);
      tf.dispose(optimizer.computeGradients(loss, [w]));
    };
    await everything();
    const before = tensors();
    await everything();
    await everything();
    expect(tensors()).toBe(before);
  });

  it('is the same after a step that throws, and so is everything else', () => {
    const [a, b] = [variable([1, 2]), variable([1])];
    const optimizer = tfjsOptimizer(chain(nonfinite(), znorm(), adamw()), { updateOn });
    const loss = (factor: number) => () =>
      tf.add(tf.sum(tf.square(a)), tf.sum(tf.mul(b, factor))) as tf.Scalar;
    optimizer.minimize(loss(1), false, [a, b]);
    const before = { tensors: tensors(), a: valuesOf(a), b: valuesOf(b), steps: optimizer.iterations };
    for (let i = 0; i < 3; i++) {
      expect(messageOf(() => optimizer.minimize(loss(Number.NaN), true, [a, b]))).toMatch(
        /^nonfinite: expected finite gradients, got 1 of 1 elements NaN or infinite at 'v\d+'\. /,
      );
      expect(messageOf(() => optimizer.applyGradients({ nobody: a }))).toContain("got 'nobody'");
    }
    expect({ tensors: tensors(), a: valuesOf(a), b: valuesOf(b), steps: optimizer.iterations }).toEqual(
      before,
    );
  });

  it('is the same after saving and restoring', async () => {
    const empty = tensors();
    variable([1, 2], 'saved');
    const optimizer = tfjsOptimizer(chain(znorm(), adamw()), { updateOn });
    apply(optimizer, { saved: [1, -1] });
    let file: tf.io.ModelArtifacts = {};
    const handler: tf.io.IOHandler = {
      async save(artifacts) {
        file = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      },
      load: async () => file,
    };
    const around = async () => {
      await optimizer.saveState(handler);
      await optimizer.loadState(handler);
      await optimizer.setWeights(await optimizer.getWeights());
      apply(optimizer, { saved: [1, -1] });
    };
    await around();
    const before = tensors();
    await around();
    await around();
    expect(tensors()).toBe(before);
    optimizer.dispose();
    expect(tensors()).toBe(empty + 1);
  });

  it('does not grow when the set of variables changes from step to step', () => {
    const all = Array.from({ length: 12 }, () => variable([1, 2]));
    const optimizer = tfjsOptimizer(chain(znorm(), adamw()), { updateOn });
    const round = () => {
      for (let i = 0; i < all.length; i++)
        apply(optimizer, { [all[i].name]: [1, 2], [all[(i + 5) % 12].name]: [2, 1] });
    };
    round();
    const before = tensors();
    round();
    expect(tensors()).toBe(before);
  });
});

it('a tidy around a step does not take the state away', () => {
  const w = variable([1, 2]);
  const moved = places.map((updateOn) => {
    tf.tidy(() => w.assign(tf.tensor1d([1, 2])));
    const optimizer = tfjsOptimizer(chain(znorm(), adamw({ learningRate: 0.1 })), { updateOn });
    for (let i = 0; i < 3; i++)
      tf.tidy(() => void optimizer.minimize(() => tf.sum(tf.square(w)) as tf.Scalar));
    return valuesOf(w).map((x) => x.toFixed(5));
  });
  expect(moved[0]).toEqual(moved[1]);
});
