/** Chains with state of every kind, in the trainer: micro-batches, averages, several chains in one. */
import { describe, expect, test } from 'vitest';
import {
  accumulate,
  adamw,
  chain,
  emaOfParams,
  freeze,
  type GradientTransformation,
  lookahead,
  muon,
  partition,
  scheduleFreeAdamw,
  sgd,
  znorm,
} from 'znorm';
import type { LabelledBatch } from '../src/batches.ts';
import { classification } from '../src/classification.ts';
import { mlp } from '../src/models/mlp.ts';
import { fillNormal, randomStream } from '../src/random.ts';
import { createTrainer } from '../src/trainer.ts';

const features = 5;
const classes = 3;

/** Samples `from` … `from + count − 1` of one endless sequence. */
function samples(from: number, count: number): LabelledBatch {
  const inputs = new Float32Array(count * features);
  const labels = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    const next = randomStream(0, 'sample', from + n);
    fillNormal(next, inputs.subarray(n * features, (n + 1) * features));
    labels[n] = next() % classes;
  }
  return { inputs, labels };
}

const create = (optimizer: GradientTransformation, batchSize: number) =>
  createTrainer({
    objective: classification({ model: mlp({ hidden: [8], classes }), input: { shape: [features] } }),
    optimizer,
    batchSize,
    seed: 1,
  });

/** The weights after some batches, one after the other. */
async function weights(optimizer: GradientTransformation, batchSize: number, steps: number) {
  const trainer = await create(optimizer, batchSize);
  for (let step = 0; step < steps; step++) {
    const { skipped } = await trainer.step(samples(step * batchSize, batchSize));
    expect(skipped).toBe(false);
  }
  const result = trainer.parameters.map(({ path, data }) => [path, Array.from(data)] as const);
  await trainer.dispose();
  return Object.fromEntries(result);
}

test('four micro-batches of 3 take the steps of one batch of 12', async () => {
  const inner = chain(znorm(), adamw({ learningRate: 0.01 }));
  const large = await weights(inner, 12, 5);
  const small = await weights(chain(accumulate({ steps: 4 }), inner), 3, 20);
  for (const [path, expected] of Object.entries(large)) {
    // Sums of the batch in another order: a few roundings of the gradient, which Adam does not make more of here.
    expected.forEach((value, i) => {
      expect(Math.abs(small[path][i] - value), path).toBeLessThan(1e-5);
    });
  }
});

test('a frozen part keeps its first weights to the bit', async () => {
  const rules = [{ select: { path: 'hidden*' }, transformation: freeze() }];
  const start = await weights(sgd({ learningRate: 1 }), 4, 0);
  const moved = await weights(partition({ rules, otherwise: muon() }), 4, 3);
  const frozen = Object.keys(start).filter((path) => path.startsWith('hidden'));
  expect(frozen.length).toBeGreaterThan(0);
  for (const path of Object.keys(start)) {
    if (frozen.includes(path)) expect(moved[path]).toEqual(start[path]);
    else expect(moved[path]).not.toEqual(start[path]);
  }
});

describe('training resumed from a checkpoint equals uninterrupted training, bit for bit', () => {
  test.each<[string, GradientTransformation]>([
    ['in the middle of micro-batches', chain(accumulate({ steps: 3 }), znorm(), adamw())],
    ['lookahead over muon, an average of the parameters', chain(muon(), lookahead(), emaOfParams())],
    ['schedule-free', scheduleFreeAdamw({ warmupSteps: 5 })],
  ])('%s', async (_, optimizer) => {
    const whole = await create(optimizer, 4);
    for (let step = 0; step < 7; step++) await whole.step(samples(4 * step, 4));
    const first = await create(optimizer, 4);
    for (let step = 0; step < 4; step++) await first.step(samples(4 * step, 4));
    const second = await create(optimizer, 4);
    second.restore(first.checkpoint());
    for (let step = 4; step < 7; step++) await second.step(samples(4 * step, 4));
    expect(second.stateHash()).toBe(whole.stateHash());
    for (const trainer of [whole, first, second]) await trainer.dispose();
  });
});
