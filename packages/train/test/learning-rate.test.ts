/** Learning rates for ResNet-20 on patterns in noise: suggested from the first gradients, and found by a range test. */
import { describe, expect, test } from 'vitest';
import {
  type ArrayTensor,
  adam,
  chain,
  descent,
  freeze,
  type GradientTransformation,
  injectable,
  learningRateRange,
  type Named,
  scaleByLearningRate,
  sgd,
  suggestLearningRate,
  znorm,
} from 'znorm';
import type { LabelledBatch } from '../src/batches.ts';
import { classification } from '../src/classification.ts';
import { resnet } from '../src/models/resnet.ts';
import { fillNormal, randomStream } from '../src/random.ts';
import { createTrainer, type GradientStep } from '../src/trainer.ts';

const classes = 4;
const shape = [3, 16, 16];
const size = 3 * 16 * 16;
const batchSize = 16;

/** Noise, and in each class a pattern of its own in it. */
function batchOf(step: number): LabelledBatch {
  const next = randomStream(0, 'batch', step);
  const inputs = new Float32Array(batchSize * size);
  fillNormal(next, inputs);
  const labels = Int32Array.from({ length: batchSize }, () => next() % classes);
  labels.forEach((label, n) => {
    const pattern = new Float32Array(size);
    fillNormal(randomStream(1, 'pattern', label), pattern);
    for (let i = 0; i < size; i++) inputs[n * size + i] += 0.5 * pattern[i];
  });
  return { inputs, labels };
}

const create = (optimizer: GradientTransformation, onGradients?: (step: GradientStep) => void) =>
  createTrainer({
    objective: classification({ model: resnet({ depth: 20, classes }), input: { shape } }),
    optimizer,
    batchSize,
    onGradients,
  });

const copied = (tensors: Named<ArrayTensor>): Named<ArrayTensor> =>
  Object.fromEntries(
    Object.entries(tensors).map(([path, { shape, data }]) => [path, { shape, data: data.slice() }]),
  );

/** The gradients of a few batches at the first weights: nothing moves. */
async function probe(count: number) {
  const gradients: Named<ArrayTensor>[] = [];
  let first: GradientStep | undefined;
  const trainer = await create(freeze(), (step) => {
    first ??= { ...step, parameters: copied(step.parameters) };
    gradients.push(copied(step.gradients));
  });
  for (let step = 0; step < count; step++) await trainer.step(batchOf(step));
  await trainer.dispose();
  return { gradients, params: first!.parameters, infos: first!.infos };
}

/** Loss of every step. */
async function losses(
  optimizer: GradientTransformation,
  steps: number,
  onGradients?: (step: GradientStep) => void,
) {
  const trainer = await create(optimizer, onGradients);
  const seen: number[] = [];
  for (let step = 0; step < steps; step++) seen.push((await trainer.step(batchOf(step))).loss);
  await trainer.dispose();
  return seen;
}

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const normOf = (tensors: Named<ArrayTensor>) =>
  Math.hypot(...Object.values(tensors).map(({ data }) => Math.hypot(...data)));

describe('the rate suggested for znorm under SGD from three gradients', { timeout: 120_000 }, () => {
  const reference = adam({ learningRate: 3e-3 });
  const candidate = (learningRate: number) => chain(znorm(), sgd({ learningRate }));

  test('gives first updates of the size that Adam has, and trains', async () => {
    const { learningRate, tensors } = suggestLearningRate({ reference, candidate, ...(await probe(3)) });
    expect(learningRate).toBeGreaterThan(1e-3);
    expect(learningRate).toBeLessThan(1e-2);
    expect(Object.keys(tensors).length).toBeGreaterThan(60);

    const sizes: Record<string, number> = {};
    const watch =
      (name: string) =>
      ({ step, gradients, updates }: GradientStep) => {
        if (step > 0) return;
        sizes[name] = normOf(updates);
        expect(descent(gradients, updates).cosine).toBeGreaterThan(0);
      };
    const adams = await losses(reference, 25, watch('adam'));
    const ours = await losses(candidate(learningRate), 25, watch('znorm'));
    // The first of three steps: Adam's next ones, whose moments mix gradients, are shorter by up to a half.
    expect(sizes.znorm / sizes.adam).toBeGreaterThan(0.5);
    expect(sizes.znorm / sizes.adam).toBeLessThan(1.1);
    // Both have learnt: the last five losses against the first five.
    expect(mean(adams.slice(-5))).toBeLessThan(0.8 * mean(adams.slice(0, 5)));
    expect(mean(ours.slice(-5))).toBeLessThan(0.8 * mean(ours.slice(0, 5)));
  });
});

describe('the range test of znorm under SGD', { timeout: 120_000 }, () => {
  test('finds a rate that trains, far below the one where the loss is least', async () => {
    const rate = injectable({ value: 1e-5 });
    const trainer = await create(chain(znorm(), scaleByLearningRate({ learningRate: rate })));
    const range = await learningRateRange({
      from: 1e-5,
      to: 10,
      steps: 40,
      smoothing: 0.7,
      async step(learningRate) {
        rate.value = learningRate;
        return (await trainer.step(batchOf(trainer.steps))).loss;
      },
    });
    await trainer.dispose();
    expect(range.steepest).toBeGreaterThan(1e-4);
    expect(range.lowest).toBeLessThan(1);
    const trained = await losses(chain(znorm(), sgd({ learningRate: range.steepest })), 25);
    expect(mean(trained.slice(-5))).toBeLessThan(0.8 * mean(trained.slice(0, 5)));
  });
});
