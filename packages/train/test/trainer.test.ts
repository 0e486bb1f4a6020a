import { describe, expect, test } from 'vitest';
import {
  adam,
  chain,
  type GradientTransformation,
  momentum,
  nonfinite,
  type Primitive,
  sgd,
  znorm,
} from 'znorm';
import { relu } from '../src/autodiff/activation.ts';
import { mul } from '../src/autodiff/arithmetic.ts';
import { softmaxCrossEntropy } from '../src/autodiff/cross-entropy.ts';
import type { Batch } from '../src/batch.ts';
import type { LabelledBatch } from '../src/batches.ts';
import { classification, type Loss } from '../src/classification.ts';
import { convolution } from '../src/layers/convolution.ts';
import { dense } from '../src/layers/dense.ts';
import { dropout } from '../src/layers/dropout.ts';
import { batchNormalization } from '../src/layers/normalization.ts';
import type { Layer } from '../src/layers/scope.ts';
import { flatten, sequential } from '../src/layers/sequential.ts';
import { mlp } from '../src/models/mlp.ts';
import { resnet } from '../src/models/resnet.ts';
import { isNonFinite } from '../src/nonfinite-error.ts';
import { fillNormal, randomStream } from '../src/random.ts';
import { createTrainer, type GradientStep, type TrainerOptions } from '../src/trainer.ts';

/** Everything whose state must survive: batch norm's statistics, dropout's masks, several kinds of parameter. */
const small: Layer = sequential({
  conv: convolution({ filters: 4, kernelSize: 3, bias: false }),
  norm: batchNormalization(),
  relu,
  flatten,
  dropout: dropout({ rate: 0.3 }),
  output: dense({ units: 3 }),
});
const shape = [2, 5, 5];

function batchOf(step: number, count = 6): LabelledBatch {
  const inputs = new Float32Array(count * 50);
  const next = randomStream(0, 'test batch', step);
  fillNormal(next, inputs);
  return { inputs, labels: Int32Array.from({ length: count }, () => next() % 3) };
}

function create(options: Partial<TrainerOptions> = {}) {
  return createTrainer({
    objective: classification({ model: small, input: { shape } }),
    optimizer: momentum({ learningRate: 0.1 }),
    batchSize: 6,
    seed: 1,
    ...options,
  });
}

/** The hash of the whole state after some steps. */
async function hashAfter(steps: number, options: Partial<TrainerOptions> = {}): Promise<string> {
  const trainer = await create(options);
  for (let step = 0; step < steps; step++) await trainer.step(batchOf(step));
  const hash = trainer.stateHash();
  await trainer.dispose();
  return hash;
}

describe('determinism', () => {
  test('the same seed gives the same bits, another seed does not', async () => {
    const first = await hashAfter(5);
    expect(await hashAfter(5)).toBe(first);
    expect(await hashAfter(5, { seed: 2 })).not.toBe(first);
  });

  test('one thread and two give the same bits, on a network with every kind of convolution', async () => {
    const run = async (threads: number) => {
      const trainer = await createTrainer({
        objective: classification({
          model: resnet({ depth: 8, classes: 10 }),
          input: { shape: [3, 32, 32] },
        }),
        optimizer: adam({ learningRate: 1e-3 }),
        batchSize: 16,
        threads,
      });
      const inputs = new Float32Array(16 * 3072);
      for (let step = 0; step < 3; step++) {
        fillNormal(randomStream(0, 'images', step), inputs);
        await trainer.step({ inputs, labels: Int32Array.from({ length: 16 }, (_, i) => i % 10) });
      }
      const hash = trainer.stateHash();
      await trainer.dispose();
      return hash;
    };
    expect(await run(2)).toBe(await run(1));
  });

  test('first weights depend on seed and path alone: not on optimizer, engine or batch size', async () => {
    const hashes = await Promise.all(
      [{}, { optimizer: adam({ learningRate: 1 }) }, { engine: 'wasm' as const }, { batchSize: 3 }].map(
        async (options) => {
          const trainer = await create(options);
          const hash = trainer.parameterHash();
          await trainer.dispose();
          return hash;
        },
      ),
    );
    expect(new Set(hashes).size).toBe(1);
  });
});

describe.each<[string, GradientTransformation]>([
  ['momentum', momentum({ learningRate: 0.1 })],
  ['adam', adam({ learningRate: 0.01 })],
  [
    'znorm with kept statistics, guarded',
    chain(nonfinite({ action: 'skip' }), znorm({ statistics: { ema: 0.9 } }), sgd({ learningRate: 0.01 })),
  ],
])('resuming, %s', (_, optimizer) => {
  test('at any step gives what would have come without stopping, bit for bit', async () => {
    const steps = 6;
    const whole = await create({ optimizer });
    const checkpoints: Uint8Array[] = [];
    for (let step = 0; step < steps; step++) {
      checkpoints.push(whole.checkpoint());
      await whole.step(batchOf(step));
    }
    for (const [stopped, checkpoint] of checkpoints.entries()) {
      const resumed = await create({ optimizer });
      await resumed.step(batchOf(99)); // whatever it was doing before is forgotten
      resumed.restore(checkpoint);
      expect(resumed.steps).toBe(stopped);
      for (let step = stopped; step < steps; step++) await resumed.step(batchOf(step));
      expect(resumed.stateHash(), `stopped at ${stopped}`).toBe(whole.stateHash());
      expect(resumed.batchHash).toBe(whole.batchHash);
      expect(await resumed.evaluate(batchOf(50, 10))).toEqual(await whole.evaluate(batchOf(50, 10)));
      await resumed.dispose();
    }
    await whole.dispose();
  });
});

describe('learning', () => {
  test('an MLP brings a small separable set to zero loss and full accuracy', async () => {
    // Two interleaved half moons: separable, but not by a line.
    const inputs = new Float32Array(80);
    const labels = Int32Array.from({ length: 40 }, (_, i) => i % 2);
    for (const [i, label] of labels.entries()) {
      const angle = (Math.PI * i) / 40;
      inputs.set(
        label ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)],
        2 * i,
      );
    }
    const trainer = await createTrainer({
      objective: classification({ model: mlp({ hidden: [32, 32], classes: 2 }), input: { shape: [2] } }),
      optimizer: adam({ learningRate: 0.01 }),
      batchSize: 40,
    });
    const first = await trainer.step({ inputs, labels });
    expect(first.loss).toBeGreaterThan(0.5);
    for (let step = 1; step < 400; step++) await trainer.step({ inputs, labels });
    const { loss, counts, count } = await trainer.evaluate({ inputs, labels });
    expect([counts.correct, count]).toEqual([40, 40]);
    expect(loss).toBeLessThan(1e-3);
    await trainer.dispose();
  });

  test('a loss of your own is minimized instead', async () => {
    const doubled: Loss = (logits, labels) => mul(softmaxCrossEntropy(logits, labels), 2);
    const twice = await create({
      objective: classification({ model: small, input: { shape }, loss: doubled }),
    });
    const once = await create();
    expect((await twice.step(batchOf(0))).loss).toBeCloseTo(2 * (await once.step(batchOf(0))).loss, 6);
    await twice.dispose();
    await once.dispose();
  });
});

describe('the optimizer', () => {
  /** Does nothing, and is nothing that the fused kernel knows: the chain runs on the arrays backend. */
  const unknown: Primitive = { name: 'untouched', options: {}, update: (_, updates) => ({ updates }) };
  const recipe = chain(znorm(), adam({ learningRate: 0.01 }));

  test('is one fused kernel where the chain allows it, and says so', async () => {
    const fused = await create({ optimizer: recipe });
    expect(fused.explanation.text).toMatch(/^fused: one call for 5 tensors, 8 words a parameter/);
    const arrays = await create({ optimizer: chain(unknown, recipe) });
    expect(arrays.explanation.text).toMatch(/^not fused: runs on the arrays backend\n {2}✗ untouched/);
    await fused.dispose();
    await arrays.dispose();
  });

  test('takes the same step either way, up to float32 rounding, from checkpoints that either can restore', async () => {
    const fused = await create({ optimizer: recipe });
    const arrays = await create({ optimizer: chain(unknown, recipe) });
    for (let step = 0; step < 10; step++) {
      const [from, to] = step % 2 === 0 ? [fused, arrays] : [arrays, fused];
      to.restore(from.checkpoint());
      for (const trainer of [fused, arrays]) await trainer.step(batchOf(step));
      for (const [i, { path, data }] of fused.parameters.entries()) {
        const difference = data.map((w, k) => w - arrays.parameters[i].data[k]);
        // The bound of the fused kernel's own tests; biases begin at 0, so that it is all of their first step's.
        expect(Math.hypot(...difference) / Math.hypot(...data), path).toBeLessThan(2e-6);
      }
    }
    await fused.dispose();
    await arrays.dispose();
  });

  test.each([
    ['fused', recipe],
    ['on arrays', chain(unknown, recipe)],
  ])('takes the same steps whether they are looked at or not, to the bit, %s', async (_, optimizer) => {
    const looked: number[] = [];
    const onGradients = ({ step }: GradientStep) => looked.push(step);
    const never = await hashAfter(5, { optimizer });
    expect(await hashAfter(5, { optimizer, onGradients })).toBe(never);
    expect(looked).toEqual([0, 1, 2, 3, 4]);
    expect(await hashAfter(5, { optimizer, onGradients, gradientsAt: (step) => step % 3 === 1 })).toBe(never);
    expect(looked.slice(5)).toEqual([1, 4]);
  });

  test('has not moved if looking at its step fails', async () => {
    let fails = false;
    const trainer = await create({
      optimizer: recipe,
      onGradients() {
        if (fails) throw new Error('the disk is full');
      },
    });
    await trainer.step(batchOf(0));
    const before = trainer.stateHash();
    fails = true;
    await expect(trainer.step(batchOf(1))).rejects.toThrow('step 1: the disk is full');
    expect(trainer.stateHash()).toBe(before);
    await trainer.dispose();
  });
});

describe('a step', () => {
  test('adds to each parameter exactly the update that the hook was shown', async () => {
    let seen:
      | { before: Record<string, number[]>; updates: Record<string, number[]>; norm: number }
      | undefined;
    const copied = (tensors: Readonly<Record<string, { data: ArrayLike<number> }>>) =>
      Object.fromEntries(Object.entries(tensors).map(([path, { data }]) => [path, Array.from(data)]));
    const trainer = await create({
      onGradients: ({ gradients, updates, parameters }) => {
        const norm = Math.hypot(...gradients['output/kernel'].data);
        seen = { before: copied(parameters), updates: copied(updates), norm };
      },
    });
    await trainer.step(batchOf(0));
    expect(seen!.norm).toBeGreaterThan(0);
    for (const { path, data } of trainer.parameters) {
      expect([...data], path).toEqual(
        seen!.before[path].map((w, i) => Math.fround(w + seen!.updates[path][i])),
      );
    }
    await trainer.dispose();
  });

  test('describes every parameter by path, role and shape, in the order of the model', async () => {
    const trainer = await create();
    expect(
      trainer.parameters.map(({ path, role, shape, outputAxis }) => [path, role, shape, outputAxis]),
    ).toEqual([
      ['conv/kernel', 'kernel', [4, 2, 3, 3], 0],
      ['norm/gamma', 'normalization', [4], 0],
      ['norm/beta', 'normalization', [4], 0],
      ['output/kernel', 'kernel', [3, 100], 0],
      ['output/bias', 'bias', [3], 0],
    ]);
    await trainer.dispose();
  });

  test('leaves parameters and optimizer state where they were: one memory, the same views', async () => {
    const trainer = await create();
    const { buffer } = trainer.parameters[0].data;
    const before = trainer.parameters.map(({ data }) => [...data]);
    for (let step = 0; step < 3; step++) await trainer.step(batchOf(step));
    await trainer.evaluate(batchOf(0, 4));
    trainer.restore(trainer.checkpoint());
    trainer.parameters.forEach(({ path, data }, i) => {
      expect(data.buffer, path).toBe(buffer);
      expect([...data], path).not.toEqual(before[i]);
    });
    await trainer.dispose();
  });

  test('moves running statistics, and evaluation does not', async () => {
    const trainer = await create({ optimizer: sgd({ learningRate: 1e-30 }) });
    const evaluate = async () => (await trainer.evaluate(batchOf(1))).loss;
    const fresh = await evaluate();
    expect(await evaluate()).toBe(fresh);
    await trainer.step(batchOf(0));
    expect(await evaluate()).not.toBe(fresh);
    await trainer.dispose();
  });
});

describe('evaluation', () => {
  test('weighs every sample alike, over any count and any cut into batches', async () => {
    const trainer = await create();
    await trainer.step(batchOf(0));
    const all = batchOf(7, 23);
    const whole = await trainer.evaluate(all);
    expect(whole.count).toBe(23);

    const cut = (size: number) =>
      Array.from({ length: Math.ceil(23 / size) }, (_, i) => ({
        inputs: all.inputs.subarray(50 * i * size, 50 * (i + 1) * size),
        labels: all.labels.subarray(i * size, (i + 1) * size),
      }));
    expect(await trainer.evaluate(cut(6))).toEqual(whole);
    for (const size of [1, 4, 23]) {
      const other = await trainer.evaluate(cut(size));
      expect(other.counts).toEqual(whole.counts);
      // The same float32 numbers, summed in another order.
      expect(Math.abs(other.loss / whole.loss - 1)).toBeLessThan(1e-6);
    }
    await trainer.dispose();
  });

  test('uses no dropout', async () => {
    const trainer = await create();
    expect((await trainer.evaluate(batchOf(3))).loss).toBe((await trainer.evaluate(batchOf(3))).loss);
    await trainer.dispose();
  });
});

describe('numbers that are not finite', () => {
  const poisoned = (step: number): LabelledBatch => {
    const batch = batchOf(step);
    batch.inputs[3] = Number.NaN;
    return batch;
  };

  test('end the run with step and tensor, before any weight has changed', async () => {
    const trainer = await create();
    await trainer.step(batchOf(0));
    const before = trainer.stateHash();
    const error: unknown = await trainer.step(poisoned(1)).catch((reason) => reason);
    expect(String(error)).toBe(
      "RangeError: step 1: expected finite gradients, got NaN at 'conv/kernel' (loss NaN). Lower the learning rate, clip gradients, or start the chain with nonfinite().",
    );
    expect(isNonFinite(error) && error.tensor).toBe('conv/kernel');
    expect(trainer.stateHash()).toBe(before);
    await trainer.dispose();
  });

  test('are left to the chain if it has a guard, and its error names the step too', async () => {
    const trainer = await create({ optimizer: chain(nonfinite(), sgd({ learningRate: 0.1 })) });
    await expect(trainer.step(poisoned(0))).rejects.toThrow(
      /^step 0: nonfinite: expected finite gradients, got .* at 'conv\/kernel'/,
    );
    await trainer.dispose();
  });

  test('with a guard that skips, change neither weights nor running statistics', async () => {
    const optimizer = chain(nonfinite({ action: 'skip' }), momentum({ learningRate: 0.1 }));
    const trainer = await create({ optimizer });
    await trainer.step(batchOf(0));
    const weights = trainer.parameterHash();
    const evaluation = await trainer.evaluate(batchOf(9));
    expect((await trainer.step(poisoned(1))).skipped).toBe(true);
    expect(trainer.parameterHash()).toBe(weights);
    expect(await trainer.evaluate(batchOf(9))).toEqual(evaluation);
    expect((await trainer.step(batchOf(2))).skipped).toBe(false);
    expect(trainer.parameterHash()).not.toBe(weights);
    await trainer.dispose();
  });
});

describe('misuse', () => {
  test.each<[string, Partial<TrainerOptions> & Record<string, unknown>, Error]>([
    [
      'an unknown option',
      { learningRate: 1 },
      new TypeError(
        'createTrainer: unknown option `learningRate`. Known options: objective, optimizer, batchSize, seed, engine, updates, threads, onGradients, gradientsAt.',
      ),
    ],
    [
      'a batch size of 0',
      { batchSize: 0 },
      new RangeError('createTrainer: expected `batchSize` to be a whole number >= 1, got 0.'),
    ],
    [
      'an objective without parameters',
      { objective: classification({ model: flatten, input: { shape } }) },
      new RangeError('createTrainer: expected an objective with parameters, got none.'),
    ],
  ])('%s', async (_, options, error) => {
    await expect(create(options)).rejects.toThrow(error);
  });

  test('a model that is no classifier', () => {
    expect(() => classification({ model: (x) => x, input: { shape } })).toThrow(
      new RangeError(
        'classification: expected a model that gives [N, classes] for inputs of shape [N,2,5,5], got [N,2,5,5].',
      ),
    );
  });

  test.each<[string, Batch, Error]>([
    ['a batch of another size', batchOf(0, 5), new RangeError('step: expected a batch of 6 samples, got 5.')],
    [
      'labels that do not fit the inputs',
      { ...batchOf(0), labels: new Int32Array(5) },
      new RangeError('step: expected 6 numbers in `labels` for 6 samples of shape [], got 5.'),
    ],
    [
      'inputs that are no whole samples',
      { ...batchOf(0), inputs: new Float32Array(299) },
      new RangeError(
        'step: expected `inputs` to hold whole samples of shape [2,5,5], 50 numbers each, got 299 numbers.',
      ),
    ],
    [
      'a label that is no class',
      { ...batchOf(0), labels: Int32Array.of(0, 1, 3, 0, 0, 0) },
      new RangeError('step: expected labels from 0 to 2, got 3 at sample 2.'),
    ],
    [
      'labels that are no whole numbers',
      { ...batchOf(0), labels: new Float32Array(6) },
      new TypeError('step: expected `labels` as Int32Array, got Float32Array.'),
    ],
    [
      'a missing input',
      { inputs: batchOf(0).inputs },
      new TypeError('step: expected `labels` as Int32Array, got none.'),
    ],
    [
      'an input of another name',
      { ...batchOf(0), label: new Int32Array(6) },
      new TypeError('step: unknown input `label`. Known inputs: inputs, labels.'),
    ],
  ])('%s', async (_, batch, error) => {
    const trainer = await create();
    await expect(trainer.step(batch)).rejects.toThrow(error);
    await trainer.dispose();
  });

  test('a step that was not awaited', async () => {
    const trainer = await create();
    const first = trainer.step(batchOf(0));
    await expect(trainer.step(batchOf(1))).rejects.toThrow(
      new Error('step: expected the last call to have finished. Await step(), evaluate() and predict().'),
    );
    await first;
    expect((await trainer.step(batchOf(1))).step).toBe(1);
    await trainer.dispose();
  });

  test('an evaluation of nothing', async () => {
    const trainer = await create();
    await expect(trainer.evaluate([])).rejects.toThrow(
      new RangeError('evaluate: expected at least one sample, got none.'),
    );
    await trainer.dispose();
  });
});
