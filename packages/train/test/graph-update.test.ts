/** Updates inside the training graph: the same training as with the chain on the processor. */
import { describe, expect, test } from 'vitest';
import {
  adamw,
  chain,
  clipByGlobalNorm,
  cosine,
  type GradientTransformation,
  identity,
  momentum,
  nonfinite,
  sgd,
  warmup,
  znorm,
} from 'znorm';
import { relu } from '../src/autodiff/activation.ts';
import { classification } from '../src/classification.ts';
import { convolution } from '../src/layers/convolution.ts';
import { dense } from '../src/layers/dense.ts';
import { dropout } from '../src/layers/dropout.ts';
import { batchNormalization } from '../src/layers/normalization.ts';
import { flatten, sequential } from '../src/layers/sequential.ts';
import { isNonFinite } from '../src/nonfinite-error.ts';
import { fillNormal, randomStream } from '../src/random.ts';
import { createTrainer, type Trainer, type TrainerOptions } from '../src/trainer.ts';

const model = sequential({
  conv: convolution({ filters: 4, kernelSize: 3, bias: false }),
  norm: batchNormalization(),
  relu,
  flatten,
  dropout: dropout({ rate: 0.3 }),
  output: dense({ units: 3 }),
});

const schedule = warmup({ steps: 2, into: cosine({ from: 0.05, steps: 8 }), from: 0.01 });
const everything = chain(
  nonfinite({ action: 'skip', maxConsecutive: 2 }),
  clipByGlobalNorm({ maxNorm: 1 }),
  znorm({ scope: 'layer', statistics: { ema: 0.9 } }),
  // eps: without it, the first step is the sign of the gradient, of elements within rounding of 0 too.
  adamw({ learningRate: schedule, weightDecay: 0.1, eps: 0.1 }),
);

function batchOf(step: number, broken = false) {
  const inputs = new Float32Array(6 * 50);
  const next = randomStream(0, 'test batch', step);
  fillNormal(next, inputs);
  if (broken) inputs[7] = Number.NaN;
  return { inputs, labels: Int32Array.from({ length: 6 }, () => next() % 3) };
}

const create = (optimizer: GradientTransformation, options: Partial<TrainerOptions> = {}) =>
  createTrainer({
    objective: classification({ model, input: { shape: [2, 5, 5] } }),
    optimizer,
    batchSize: 6,
    seed: 1,
    ...options,
  });

async function trained(trainer: Trainer, steps: number, broken: readonly number[] = []) {
  const results = [];
  for (let step = 0; step < steps; step++)
    results.push(await trainer.step(batchOf(step, broken.includes(step))));
  await trainer.synchronize();
  return { results, parameters: trainer.parameters.map(({ path, data }) => [path, data.slice()] as const) };
}

type Trained = Awaited<ReturnType<typeof trained>>;

function expectSame(found: Trained, expected: Trained, bound: number): void {
  for (const [i, { loss, skipped }] of expected.results.entries()) {
    expect(found.results[i]!.skipped).toBe(skipped);
    if (Number.isFinite(loss)) expect(Math.abs(found.results[i]!.loss / loss - 1)).toBeLessThanOrEqual(bound);
  }
  for (const [i, [path, data]] of expected.parameters.entries()) {
    const size = Math.max(...data.map(Math.abs));
    const error = Math.max(...data.map((value, k) => Math.abs(found.parameters[i]![1][k]! - value)));
    expect(error / size, path).toBeLessThanOrEqual(bound);
  }
}

describe.each(['native', 'wasm'] as const)('updates in the graph, engine %s', (engine) => {
  test('train as the fused kernel does: schedule, guard that skips, moments, buffers', async () => {
    const inGraph = await create(everything, { engine, updates: 'graph' });
    const fused = await create(everything, { engine, updates: 'fused' });
    expect([inGraph.updates, fused.updates]).toEqual(['graph', 'fused']);
    const broken = [2, 5];
    const found = await trained(inGraph, 8, broken);
    const expected = await trained(fused, 8, broken);
    expect(expected.results.map(({ skipped }) => skipped).filter(Boolean)).toHaveLength(2);
    // 8 steps of Adam, which magnifies the rounding of small elements. Measured: 6e-7.
    expectSame(found, expected, 1e-5);
    const test = batchOf(100);
    const [a, b] = [await inGraph.evaluate(test), await fused.evaluate(test)];
    expect(Math.abs(a.loss / b.loss - 1)).toBeLessThanOrEqual(1e-5);
    await inGraph.dispose();
    await fused.dispose();
  });
});

test('the same seed gives the same bits, and a checkpoint goes on from where it was', async () => {
  const create6 = () => create(everything, { updates: 'graph' });
  const whole = await create6();
  await trained(whole, 6);
  const again = await create6();
  await trained(again, 3);
  const checkpoint = again.checkpoint();
  await trained(again, 2);
  again.restore(checkpoint);
  for (let step = 3; step < 6; step++) await again.step(batchOf(step));
  await again.synchronize();
  expect(again.stateHash()).toBe(whole.stateHash());

  const fused = await create(everything);
  fused.restore(whole.checkpoint());
  expect(fused.stateHash()).toBe(whole.stateHash());
  for (const trainer of [whole, again, fused]) await trainer.dispose();
});

test('what was not brought back to memory is not hashed or saved by mistake', async () => {
  const trainer = await create(sgd({ learningRate: 0.1 }), { updates: 'graph' });
  await trainer.step(batchOf(0));
  for (const [where, call] of [
    ['checkpoint', () => trainer.checkpoint()],
    ['stateHash', () => trainer.stateHash()],
    ['parameterHash', () => trainer.parameterHash()],
  ] as const) {
    expect(call).toThrow(
      new Error(
        `${where}: expected the training state in memory, got a newer one where the graph runs. Await synchronize() first.`,
      ),
    );
  }
  await trainer.synchronize();
  expect(trainer.stateHash()).toMatch(/^[0-9a-f]+$/);
  await trainer.dispose();
});

test('a gradient that is not finite ends training, named, and changes nothing', async () => {
  const trainer = await create(momentum({ learningRate: 0.1 }), { updates: 'graph' });
  await trained(trainer, 2);
  const before = trainer.stateHash();
  const error = await trainer.step(batchOf(2, true)).catch((caught: unknown) => caught);
  expect(isNonFinite(error) && error.tensor).toBe('conv/kernel');
  expect((error as Error).message).toBe(
    "step 2: expected finite gradients, got NaN or infinity at 'conv/kernel' (loss NaN). Lower the learning rate, clip gradients, or start the chain with nonfinite().",
  );
  expect(trainer.stateHash()).toBe(before);
  await trainer.dispose();
});

test('more skipped steps than a guard allows end training', async () => {
  const trainer = await create(everything, { updates: 'graph' });
  const broken = [0, 1, 2];
  await expect(trained(trainer, 3, broken)).rejects.toThrow('at most 2 skipped steps in a row, got 3');
  await trainer.dispose();
});

test('degenerate statistics are reported as the chain on the processor reports them', async () => {
  const options = { minStd: 1e9 };
  const reportsOf = async (updates: 'graph' | 'fused') => {
    const trainer = await create(chain(znorm(options), sgd({ learningRate: 0.1 })), { updates });
    const { reports } = await trainer.step(batchOf(0));
    await trainer.dispose();
    return reports.map(({ transformation, path, name, value }) => [
      transformation,
      path,
      name,
      value.data[0],
    ]);
  };
  const reports = await reportsOf('graph');
  expect(reports).toContainEqual(['znorm', 'conv/kernel', 'degenerate', 1]);
  expect(reports).toEqual(await reportsOf('fused'));
});

test('what cannot be is refused', async () => {
  await expect(create(identity(), { updates: 'gpu' as never })).rejects.toThrow(
    new RangeError('createTrainer: expected `updates` to be auto, fused or graph, got gpu.'),
  );
  await expect(create(identity(), { updates: 'graph', onGradients: () => {} })).rejects.toThrow(
    new RangeError(
      "createTrainer: expected no `onGradients` with updates in the graph, whose gradients never leave it. Choose `updates: 'fused'`.",
    ),
  );
});
