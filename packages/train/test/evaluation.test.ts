/** Evaluation by the parameters that a chain means for it, wherever the training state is. */
import { describe, expect, test } from 'vitest';
import {
  addNoise,
  chain,
  emaOfParams,
  type GradientTransformation,
  lookahead,
  momentum,
  scheduleFreeAdamw,
  sgd,
} from 'znorm';
import { classification } from '../src/classification.ts';
import { mlp } from '../src/models/mlp.ts';
import { fillNormal, randomStream } from '../src/random.ts';
import { createTrainer, type Trainer, type TrainerOptions } from '../src/trainer.ts';

function batchOf(step: number, size = 6) {
  const inputs = new Float32Array(size * 5);
  const next = randomStream(0, 'test batch', step);
  fillNormal(next, inputs);
  return { inputs, labels: Int32Array.from({ length: size }, () => next() % 3) };
}
/** Of two whole batches and a partial one. */
const unseen = batchOf(100, 15);

const create = (optimizer: GradientTransformation, options: Partial<TrainerOptions> = {}) =>
  createTrainer({
    objective: classification({ model: mlp({ hidden: [8], classes: 3 }), input: { shape: [5] } }),
    optimizer,
    batchSize: 6,
    seed: 1,
    ...options,
  });

const valuesOf = ({ parameters }: Trainer) => parameters.map(({ data }) => Array.from(data));

/** Parameters before and after each of some steps. */
async function trajectory(optimizer: GradientTransformation, steps: number): Promise<number[][][]> {
  const trainer = await create(optimizer);
  const found = [valuesOf(trainer)];
  for (let step = 0; step < steps; step++) {
    await trainer.step(batchOf(step));
    found.push(valuesOf(trainer));
  }
  await trainer.dispose();
  return found;
}

/** Loss and logits of given parameters. */
async function judged(values: readonly (readonly number[])[]) {
  const trainer = await create(sgd({ learningRate: 0.1 }));
  trainer.parameters.forEach(({ data }, i) => {
    data.set(values[i]!);
  });
  const { loss } = await trainer.evaluate(unseen);
  const { logits } = await trainer.predict({ inputs: unseen.inputs });
  await trainer.dispose();
  return { loss, logits: Array.from(logits!.data) };
}

const base = momentum({ learningRate: 0.3 });

describe.each([{ updates: 'fused' }, { updates: 'graph' }, { updates: 'graph', engine: 'wasm' }] as const)(
  'evaluate and predict, %j, take',
  (options) => {
    async function expectJudged(optimizer: GradientTransformation, steps: number, values: number[][]) {
      const expected = await judged(values);
      const trainer = await create(optimizer, options);
      for (let step = 0; step < steps; step++) await trainer.step(batchOf(step));
      const { loss } = await trainer.evaluate(unseen);
      const { logits } = await trainer.predict({ inputs: unseen.inputs });
      // Three steps in float32, of two engines, and logits of up to 5.
      expect(loss).toBeCloseTo(expected.loss, 5);
      for (const [i, value] of logits!.data.entries()) expect(value).toBeCloseTo(expected.logits[i]!, 4);
      // They only look: training goes on with the parameters that train.
      await trainer.step(batchOf(steps));
      await trainer.synchronize();
      const next = (await trajectory(optimizer, steps + 1))[steps + 1]!;
      for (const [i, own] of valuesOf(trainer).entries()) {
        for (const [k, value] of own.entries()) expect(value).toBeCloseTo(next[i]![k]!, 5);
      }
      await trainer.dispose();
    }

    test('the average of emaOfParams', async () => {
      const optimizer = chain(base, emaOfParams({ decay: 0.5 }));
      const [first, ...others] = await trajectory(optimizer, 3);
      const average = others.reduce(
        (before, now) => before.map((own, i) => own.map((value, k) => (value + now[i]![k]!) / 2)),
        first!,
      );
      await expectJudged(optimizer, 3, average);
    });

    test('the slow parameters of lookahead, which were last those that train after step 2', async () => {
      const optimizer = chain(base, lookahead({ syncPeriod: 2 }));
      const [, , afterTwo] = await trajectory(optimizer, 2);
      await expectJudged(optimizer, 3, afterTwo!);
    });

    test('the parameters that train, where a chain has no others', async () => {
      const [, , , last] = await trajectory(base, 3);
      await expectJudged(base, 3, last!);
    });
  },
);

test('schedule-free parameters are the same from memory and in the graph, and not those that train', async () => {
  const optimizer = scheduleFreeAdamw({ learningRate: 0.05, eps: 0.1 });
  const losses: number[] = [];
  for (const updates of ['fused', 'graph'] as const) {
    const trainer = await create(optimizer, { updates });
    for (let step = 0; step < 4; step++) await trainer.step(batchOf(step));
    losses.push((await trainer.evaluate(unseen)).loss);
    await trainer.dispose();
  }
  expect(losses[1]).toBeCloseTo(losses[0]!, 5);
  const last = (await trajectory(optimizer, 4))[4]!;
  // Ten times as far apart as the two may be.
  expect(Math.abs((await judged(last)).loss - losses[0]!)).toBeGreaterThan(1e-4);
});

test('noise is fed to updates in the graph: they are those of the chain on the processor', async () => {
  const optimizer = chain(addNoise({ eta: 0.1, seed: 2 }), sgd({ learningRate: 0.1 }));
  const expected = (await trajectory(optimizer, 3))[3]!;
  const trainer = await create(optimizer, { updates: 'graph' });
  for (let step = 0; step < 3; step++) await trainer.step(batchOf(step));
  await trainer.synchronize();
  for (const [i, own] of valuesOf(trainer).entries()) {
    for (const [k, value] of own.entries()) expect(value).toBeCloseTo(expected[i]![k]!, 5);
  }
  await trainer.dispose();
});
