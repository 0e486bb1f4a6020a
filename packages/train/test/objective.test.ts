import { describe, expect, test } from 'vitest';
import { sgd } from 'znorm';
import { cast, greaterOrEqual, mul, square, sub } from '../src/autodiff/arithmetic.ts';
import { gather } from '../src/autodiff/indexing.ts';
import { reduceSum } from '../src/autodiff/reduction.ts';
import { type Batch, countSamples } from '../src/batch.ts';
import { createDigest } from '../src/digest.ts';
import { dense } from '../src/layers/dense.ts';
import { dropout } from '../src/layers/dropout.ts';
import type { Built, Objective } from '../src/objective.ts';
import { createTrainer, type TrainerOptions } from '../src/trainer.ts';

/** 1, 2, 3 … */
function counting(out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = i + 1;
}

/**
 * y = W x − table[index], two numbers a sample, and the sum of their squares: all of it can be worked out by hand. The
 * loss weighs 1 for each number of x that is not negative, and counts half in training.
 */
const linear: Objective = {
  inputs: { x: { shape: [3] }, index: { shape: [], dtype: 'int32', below: 4, from: 0 } },
  build({ x, index }, scope) {
    const table = scope.parameter('table', [4, 2], { role: 'embedding', initializer: counting });
    const layer = dense({ units: 2, bias: false, initializer: counting });
    const y = sub(layer(x, scope.child('dense')), gather(table, index));
    const loss = reduceSum(square(y));
    return {
      loss: scope.training ? mul(loss, 0.5) : loss,
      weight: reduceSum(cast(greaterOrEqual(x, 0), 'float32')),
      counts: { indices: reduceSum(cast(index, 'float32')) },
      outputs: { y, doubled: mul(x, 2) },
    };
  },
};

/** W = [[1, 2, 3], [4, 5, 6]], table = [[1, 2], [3, 4], [5, 6], [7, 8]]. */
const two: Batch = { x: Float32Array.of(1, 0, 0, 0, 1, -1), index: Int32Array.of(0, 3) };
const expected = { y: [0, 2, -8, -9], loss: 0 + 4 + 64 + 81, weight: 5, indices: 3 };

function create(options: Partial<TrainerOptions> = {}) {
  return createTrainer({
    objective: linear,
    optimizer: sgd({ learningRate: 0.5 }),
    batchSize: 2,
    ...options,
  });
}

describe.each(['native', 'wasm'] as const)('an objective of several inputs, %s engine', (engine) => {
  test('trains on its loss: value, weight, counts, and a step down the gradient', async () => {
    const trainer = await create({ engine });
    const result = await trainer.step(two);
    expect(result).toMatchObject({
      step: 0,
      loss: expected.loss / 2,
      weight: expected.weight,
      counts: { indices: expected.indices },
    });
    const [table, kernel] = trainer.parameters;
    expect(table).toMatchObject({ path: 'table', role: 'embedding' });
    // The gradient is y for the kernel's rows and −y for the rows of the table; half of it is taken.
    expect([...table.data]).toEqual([1, 3, 3, 4, 5, 6, 7 - 4, 8 - 4.5]);
    expect([...kernel.data]).toEqual([1, 2 + 4, 3 - 4, 4 - 1, 5 + 4.5, 6 - 4.5]);
    await trainer.dispose();
  });

  test('predicts any number of samples, cut into batches and put together again', async () => {
    const trainer = await create({ engine });
    const x = Float32Array.from({ length: 15 }, (_, i) => i);
    const index = Int32Array.of(0, 1, 2, 3, 0);
    const { y, doubled } = await trainer.predict({ x, index });
    expect(y.shape).toEqual([5, 2]);
    // Row i of x is 3i + (0, 1, 2): W x = (8 + 18 i, 17 + 45 i).
    expect([...y.data]).toEqual(
      [...index].flatMap((k, i) => [8 + 18 * i - (2 * k + 1), 17 + 45 * i - (2 * k + 2)]),
    );
    expect([...doubled.data]).toEqual([...x].map((value) => 2 * value));
    const again = await trainer.predict({ x, index: Int32Array.of(3, 3, 3, 3, 3) });
    expect(again.y.data).not.toBe(y.data); // they belong to the caller
    await trainer.dispose();
  });
});

describe('evaluation', () => {
  test('takes the loss of evaluation, and weighs every batch by its own weight', async () => {
    const trainer = await create();
    const one: Batch = { x: Float32Array.of(0, 0, 0), index: Int32Array.of(1) };
    const nothing: Batch = { x: Float32Array.of(-1, -1, -1), index: Int32Array.of(0) };
    expect(await trainer.evaluate(two)).toEqual({ loss: 149, counts: { indices: 3 }, count: 2 });
    // (149 · 5 + (9 + 16) · 3 + … · 0) / 8
    const all = { loss: (149 * 5 + 25 * 3) / 8, counts: { indices: 4 }, count: 4 };
    expect(await trainer.evaluate([two, one, nothing])).toEqual(all);
    async function* streamed() {
      yield two;
      yield one;
      yield nothing;
    }
    expect(await trainer.evaluate(streamed())).toEqual(all);
    await trainer.dispose();
  });

  test('weighs by samples where the objective says nothing else', async () => {
    const unweighted: Objective = {
      ...linear,
      build: (inputs, scope) => ({ loss: linear.build(inputs, scope).loss }),
    };
    const trainer = await create({ objective: unweighted });
    const one: Batch = { x: Float32Array.of(0, 0, 0), index: Int32Array.of(1) };
    expect(await trainer.evaluate([two, one])).toEqual({
      loss: (149 * 2 + 25) / 3,
      counts: {},
      count: 3,
    });
    expect((await trainer.step(two)).weight).toBe(2);
    await trainer.dispose();
  });
});

describe('prediction', () => {
  /** Only the number of a class is needed for its row; x only for the loss. */
  const lookup: Objective = {
    ...linear,
    build({ x, index }, scope) {
      const { loss } = linear.build({ x, index }, scope);
      const noisy = dropout({ rate: 0.5 })(x, scope.child('noise'));
      return { loss: mul(loss, reduceSum(noisy)), outputs: { row: mul(cast(index, 'float32'), 10) } };
    },
  };

  test('asks only for the inputs that the outputs depend on', async () => {
    const trainer = await create({ objective: lookup });
    const { row } = await trainer.predict({ index: Int32Array.of(2, 3, 1) });
    expect([row.shape, [...row.data]]).toEqual([[3], [20, 30, 10]]);
    await expect(trainer.predict({ x: two.x })).rejects.toThrow(
      new TypeError('predict: expected `index` as Int32Array, got none.'),
    );
    await trainer.dispose();
  });

  test('changes nothing, and does not care about the sizes asked for in between', async () => {
    const trainer = await create();
    const before = trainer.stateHash();
    const of = async (count: number) => {
      const batch = { x: new Float32Array(3 * count).fill(1), index: new Int32Array(count) };
      return [...(await trainer.predict(batch)).y.data];
    };
    for (const count of [1, 5, 2, 4, 1, 3])
      expect(await of(count)).toEqual(Array(count).fill([5, 13]).flat());
    expect(trainer.stateHash()).toBe(before);
    await trainer.dispose();
  });

  test('computes with what has been written to the parameters: a target network is a copy', async () => {
    const online = await create();
    const target = await create();
    await online.step(two);
    for (const [i, { data }] of target.parameters.entries()) data.set(online.parameters[i].data);
    expect(await target.predict(two)).toEqual(await online.predict(two));
    expect(await target.evaluate(two)).toEqual(await online.evaluate(two));
    expect((await target.step(two)).loss).toBe((await online.step(two)).loss);
    await online.dispose();
    await target.dispose();
  });
});

test('the hash of the batches is of every input in declared order', async () => {
  const trainer = await create();
  await trainer.step(two);
  await trainer.step({ index: two.index, x: two.x });
  const digest = await createDigest();
  const once = digest(digest(''), two.x, two.index);
  expect(trainer.batchHash).toBe(digest(once, two.x, two.index));
  await trainer.dispose();
});

describe('misuse', () => {
  const returning = (
    change: (built: Built, inputs: Parameters<Objective['build']>[0]) => Partial<Built>,
  ) => ({
    ...linear,
    build(...[inputs, scope]: Parameters<Objective['build']>) {
      const built = linear.build(inputs, scope);
      return { ...built, ...change(built, inputs) };
    },
  });

  test.each<[string, Objective, string]>([
    [
      'a loss that is not one number',
      returning(({ outputs }) => ({ loss: outputs!.y })),
      'createTrainer: expected one float32 number for `loss` of the objective, got float32 [2,2].',
    ],
    [
      'a count that is a tensor of whole numbers',
      returning((_, { index }) => ({ counts: { index } })),
      'createTrainer: expected one float32 number for `counts.index` of the objective, got int64 [2].',
    ],
  ])('%s', async (_, objective, message) => {
    await expect(create({ objective })).rejects.toThrow(new RangeError(message));
  });

  test.each<[string, Objective, string]>([
    [
      'no outputs',
      returning(() => ({ outputs: undefined })),
      'predict: expected an objective with outputs, got none.',
    ],
    [
      'an output that is no batch',
      returning(({ loss }) => ({ outputs: { loss } })),
      'predict: expected float32 [2, …] for the output `loss`, got float32 [].',
    ],
  ])('%s, when predicting', async (_, objective, message) => {
    const trainer = await create({ objective });
    await expect(trainer.predict(two)).rejects.toThrow(new RangeError(message));
    await trainer.dispose();
  });

  test('parameters that only evaluation has', async () => {
    const objective: Objective = {
      ...linear,
      build(inputs, scope) {
        const built = linear.build(inputs, scope);
        if (scope.training) return built;
        const extra = scope.parameter('extra', [], { role: 'kernel', initializer: counting });
        return { ...built, loss: mul(built.loss, extra) };
      },
    };
    const trainer = await create({ objective });
    await expect(trainer.evaluate(two)).rejects.toThrow(
      new RangeError(
        "evaluate: expected the objective to declare the same parameters as in training, got another, 'extra'.",
      ),
    );
    await trainer.dispose();
  });

  test('an index below the smallest allowed, or at the end of the table', async () => {
    const trainer = await create();
    const message = (got: number) =>
      new RangeError(`step: expected index from 0 to 3, got ${got} at sample 1.`);
    await expect(trainer.step({ ...two, index: Int32Array.of(0, 4) })).rejects.toThrow(message(4));
    await expect(trainer.step({ ...two, index: Int32Array.of(0, -1) })).rejects.toThrow(message(-1));
    await trainer.dispose();
  });

  test('padding marks are let through where the input says so', () => {
    const specs = { tokens: { shape: [2], dtype: 'int32', below: 5, from: -1 } } as const;
    expect(countSamples('step', { tokens: Int32Array.of(0, 4, -1, -1) }, specs)).toBe(2);
    expect(() => countSamples('step', { tokens: Int32Array.of(0, 4, -1, -2) }, specs)).toThrow(
      new RangeError('step: expected tokens from -1 to 4, got -2 at sample 1.'),
    );
  });

  test('a prediction of nothing', async () => {
    const trainer = await create();
    await expect(trainer.predict({ x: new Float32Array(0), index: new Int32Array(0) })).rejects.toThrow(
      new RangeError('predict: expected at least one sample, got none.'),
    );
    await trainer.dispose();
  });
});
