import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  adam,
  adamax,
  adamw,
  chain,
  cosine,
  fromJSON,
  type GradientTransformation,
  momentum,
  nonfinite,
  sgd,
  znorm,
} from '../../src/index.ts';
import { tfjsOptimizer } from '../../src/tfjs/index.ts';
import { apply, smallModel, train, valuesOf, variable, weightsOf } from './small-training.ts';

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => tf.disposeVariables());

const places = ['host', 'device'] as const;

/** Keeps what is saved in memory, as the bytes that any handler would write. */
function memory(): tf.io.IOHandler {
  let saved: tf.io.ModelArtifacts | undefined;
  return {
    async save(artifacts) {
      saved = structuredClone(artifacts);
      const modelArtifactsInfo = { dateSaved: new Date(0), modelTopologyType: 'JSON' as const };
      return { modelArtifactsInfo };
    },
    load: async () => saved!,
  };
}

describe('state', () => {
  // tf.train.adam keeps it by position: after a step on b alone, b would have moved with the moments of a.
  it.each(places)(
    'is kept by the name of the variable, whatever set of them a step moves, on %s',
    (updateOn) => {
      const chainOf = () => momentum({ learningRate: 1, momentum: 0.5 });
      const [a, b] = [variable([0]), variable([0])];
      const both = tfjsOptimizer(chainOf(), { updateOn });
      apply(both, { [a.name]: [1], [b.name]: [100] });
      apply(both, { [b.name]: [100] });
      apply(both, { [b.name]: [100], [a.name]: [1] });
      apply(both, { [a.name]: [1], [b.name]: [100] });
      // m = 1, 1.5, 1.75 for a, which sat one step out; m = 100, 150, 175, 187.5 for b
      expect([valuesOf(a), valuesOf(b)]).toEqual([[-4.25], [-612.5]]);
    },
  );

  it.each(places)('of a variable that joins later begins there, on %s', (updateOn) => {
    const [a, b] = [variable([0]), variable([0])];
    const optimizer = tfjsOptimizer(momentum({ learningRate: 1, momentum: 0.5 }), { updateOn });
    apply(optimizer, { [a.name]: [1] });
    apply(optimizer, { [a.name]: [1], [b.name]: [1] });
    expect([valuesOf(a), valuesOf(b)]).toEqual([[-2.5], [-1]]);
  });

  it('of a frozen layer waits until it is thawed', async () => {
    const model = smallModel();
    const compile = () => model.compile({ optimizer, loss: 'meanSquaredError' });
    const optimizer = tfjsOptimizer(momentum({ learningRate: 0.01 }));
    compile();
    await train(model, 2);
    const before = await momentsOf();
    model.layers[0].trainable = false;
    compile();
    await train(model, 3);
    const frozen = await momentsOf();
    expect(frozen.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(frozen.slice(2)).not.toEqual(before.slice(2));

    async function momentsOf() {
      return (await optimizer.getWeights()).slice(1).map(({ tensor }) => valuesOf(tensor));
    }
  });
});

const resumable: Readonly<Record<string, () => GradientTransformation>> = {
  'znorm and AdamW on a schedule': () =>
    chain(znorm(), adamw({ learningRate: cosine({ from: 0.05, steps: 20 }) })),
  'a guard and momentum': () => chain(nonfinite({ action: 'skip' }), momentum({ learningRate: 0.02 })),
  'statistics kept in float64': () =>
    chain(znorm({ statistics: { ema: 0.9 } }), adam({ learningRate: 0.02 })),
  'statistics of every third step': () =>
    chain(znorm({ scope: 'output', statistics: { every: 3 } }), sgd({ learningRate: 0.02 })),
  // Saving a model with theirs throws.
  Adamax: () => adamax({ learningRate: 0.02 }),
  'two of a name': () => fromJSON(['trace', { trace: { momentum: 0.5 } }, { sgd: { learningRate: 1e-3 } }]),
};

describe.each(Object.entries(resumable))('training with %s', (_, chainOf) => {
  it.each(places)('goes on from saveState to the bit as if it had not stopped, on %s', async (updateOn) => {
    const compiled = () => {
      const model = smallModel();
      const optimizer = tfjsOptimizer(chainOf(), { updateOn });
      model.compile({ optimizer, loss: 'meanSquaredError' });
      return { model, optimizer };
    };
    const { model: whole } = compiled();
    await train(whole, 12);

    const name = `restored${Object.keys(tf.engine().registeredVariables).length}`;
    const before = smallModel(name);
    const first = tfjsOptimizer(chainOf(), { updateOn });
    before.compile({ optimizer: first, loss: 'meanSquaredError' });
    await train(before, 5);
    const [weights, state] = [memory(), memory()];
    await before.save(weights);
    await first.saveState(state);

    // In the same program, TensorFlow.js calls the variables of the loaded model `…/kernel_1`.
    const after = await tf.loadLayersModel(weights);
    const second = tfjsOptimizer(chainOf(), { updateOn });
    await second.loadState(state);
    expect(second.iterations).toBe(5);
    after.compile({ optimizer: second, loss: 'meanSquaredError' });
    await train(after, 7);
    expect(weightsOf(after)).toEqual(weightsOf(whole));
  });
});

describe('a model saved with its optimizer', () => {
  it('is loaded with it, chain and state, and goes on to the bit; tensors do not pile up', async () => {
    const chainOf = () => chain(znorm(), adamw({ learningRate: 0.02, decaySelect: { path: '*_kernel' } }));
    const [whole, saved] = [smallModel(), smallModel()];
    for (const model of [whole, saved])
      model.compile({ optimizer: tfjsOptimizer(chainOf()), loss: 'meanSquaredError' });
    await train(whole, 8);
    await train(saved, 3);

    const handler = memory();
    await saved.save(handler, { includeOptimizer: true });
    const { numTensors } = tf.memory();
    for (let i = 0; i < 5; i++) await saved.save(handler, { includeOptimizer: true });
    expect(tf.memory().numTensors).toBe(numTensors);

    const loaded = await tf.loadLayersModel(handler);
    expect(loaded.optimizer.iterations).toBe(3);
    expect(loaded.optimizer.getConfig()).toEqual(tfjsOptimizer(chainOf()).getConfig());
    await train(loaded, 5);
    expect(weightsOf(loaded)).toEqual(weightsOf(whole));
  });
});

describe('getWeights and setWeights', () => {
  it('carry the state, named, with the number of steps first', async () => {
    const w = variable([1, 2], 'layer/w');
    const first = tfjsOptimizer(chain(nonfinite({ action: 'skip' }), momentum({ learningRate: 1 })));
    apply(first, { 'layer/w': [3, 4] });
    const weights = await first.getWeights();
    expect(weights.map(({ name, tensor }) => [name, valuesOf(tensor)])).toEqual([
      ['iter', [1]],
      [':gates/nonfinite', [1, 0]],
      ['layer/w/trace.trace', [3, 4]],
    ]);
    const second = tfjsOptimizer(first.transformation);
    await second.setWeights(weights);
    apply(second, { 'layer/w': [1, 1] });
    // 0.9 · (3, 4) + 1
    const moved = [1 - 3 - 3.7, 2 - 4 - 4.6];
    for (const [i, x] of valuesOf(w).entries()) expect(x).toBeCloseTo(moved[i], 5);
  });
});

describe('state that does not fit', () => {
  it('is refused, and what was there is left', async () => {
    const w = variable([1], 'kept');
    const optimizer = tfjsOptimizer(momentum({ learningRate: 1 }));
    apply(optimizer, { kept: [1] });
    const other = tfjsOptimizer(adam());
    apply(other, { kept: [1] });
    const file = memory();
    await other.saveState(file);
    await expect(optimizer.loadState(file)).rejects.toThrow(
      "loadState: expected the state of trace, scaleByLearningRate, got 'kept/scaleByAdam.mu'. Restore it into the chain that it was saved from.",
    );
    await expect(optimizer.setWeights([])).rejects.toThrow(
      "setWeights: expected the state of an optimizer, which begins with 'iter', got nothing. Pass what getWeights() or saveState() made.",
    );
    const before = w.dataSync()[0];
    apply(optimizer, { kept: [1] });
    expect(before - w.dataSync()[0]).toBeCloseTo(1.9, 6);
  });

  it('of other variables is refused at the first step', async () => {
    const [first, second] = [tfjsOptimizer(adam()), tfjsOptimizer(adam())];
    variable([1], 'before/w');
    variable([1], 'after/w');
    apply(first, { 'before/w': [1] });
    await second.setWeights(await first.getWeights());
    expect(() => apply(second, { 'after/w': [1] })).toThrow(
      "applyGradients: expected variables that the restored state is of ('before/w'), got 'after/w'. Name the model's layers as they were named when it was saved.",
    );
  });

  it('is looked for where something can be loaded from', async () => {
    const optimizer = tfjsOptimizer(adam());
    await expect(optimizer.saveState('nowhere://x')).rejects.toThrow(
      "saveState: expected a URL that one handler can save, got 'nowhere://x', which none can. Pass a handler: in Node, fileSystem(folder) of znorm/tfjs-node.",
    );
    await expect(optimizer.loadState({})).rejects.toThrow(
      'loadState: expected a URL or a handler with load(), got object.',
    );
    const model = smallModel();
    const file = memory();
    await model.save(file);
    await expect(optimizer.loadState(file)).rejects.toThrow(
      "loadState: expected what saveState() wrote (format 'znorm-optimizer'), got format 'layers-model'. A model saved with its optimizer is loaded by tf.loadLayersModel().",
    );
  });
});
