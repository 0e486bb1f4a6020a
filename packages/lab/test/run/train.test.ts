import { readFileSync } from 'node:fs';
import { batchesInOrder, classification, createTrainer, createTrainingBatches } from '@znorm/train';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chain, fromJSON } from 'znorm';
import { mnist } from '../../src/datasets/mnist.ts';
import { withLearningRate } from '../../src/methods.ts';
import { imageModel } from '../../src/models.ts';
import type { RunConfig } from '../../src/run/config.ts';
import { evaluateTest } from '../../src/run/evaluate-test.ts';
import { lastEvent, type RunEvent, readEvents } from '../../src/run/events.ts';
import { type RunFolder, statusOf } from '../../src/run/folder.ts';
import { type RunProgress, train } from '../../src/run/train.ts';
import { splitImages } from '../../src/tasks/image-splits.ts';
import { drawnDigits } from '../drawn-digits.ts';
import { newRun, outcome, settingsOf, smallConfig } from './small-run.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);

const settings = settingsOf(cache, { checkpointSeconds: 1e9 });
const config = smallConfig();
let first: RunFolder;

beforeAll(async () => {
  first = newRun(root, config);
  await train(first, settings, () => {});
});

async function trained(changes: Partial<RunConfig>, how = settings): Promise<RunFolder> {
  const files = newRun(root, smallConfig(changes));
  await train(files, how, () => {});
  return files;
}

function eventsOf<T extends RunEvent['type']>(files: RunFolder, type: T) {
  return readEvents(files.events).filter(
    (event): event is Extract<RunEvent, { type: T }> => event.type === type,
  );
}

test('the same config gives the same record and the same final state, bit for bit', async () => {
  expect(outcome(await trained({}))).toEqual(outcome(first));
});

test('one thread and two give the same bits', async () => {
  expect(outcome(await trained({}, { ...settings, threads: 2 }))).toEqual(outcome(first));
});

test('another seed starts from other weights and sees other batches', async () => {
  const other = await trained({ seed: 1 });
  expect(lastEvent(readEvents(other.events), 'start')!.initHash).not.toBe(
    lastEvent(readEvents(first.events), 'start')!.initHash,
  );
  expect(lastEvent(readEvents(other.events), 'finish')!.batchHash).not.toBe(
    lastEvent(readEvents(first.events), 'finish')!.batchHash,
  );
});

test('every method and optimizer starts from the same weights and sees the same batches', async () => {
  const schedule = { cosine: { from: 0.01, steps: config.steps } };
  const sgd = withLearningRate([{ sgd: { learningRate: '$learningRate' } }], schedule);
  const other = await trained({ method: 'gc', gradientChain: ['centralize'], optimizerChain: sgd });
  const [mine, theirs] = [first, other].map(({ events }) => readEvents(events));
  expect(lastEvent(theirs, 'start')!.initHash).toBe(lastEvent(mine, 'start')!.initHash);
  expect(lastEvent(theirs, 'finish')!.batchHash).toBe(lastEvent(mine, 'finish')!.batchHash);
  expect(lastEvent(theirs, 'finish')!.weightsHash).not.toBe(lastEvent(mine, 'finish')!.weightsHash);
});

test('what is recorded is what a trainer does that is driven by hand', async () => {
  const { shape, normalization } = mnist;
  const { batchSize, seed } = config;
  const splits = splitImages(mnist, config, { cache });
  const trainer = await createTrainer({
    objective: classification({ model: imageModel(config.model, 10), input: { shape } }),
    optimizer: chain(fromJSON(config.gradientChain), fromJSON(config.optimizerChain)),
    batchSize,
    seed,
    engine: config.engine,
  });
  expect(lastEvent(readEvents(first.events), 'start')).toMatchObject({
    initHash: trainer.parameterHash(),
    engine: config.engine,
    steps: 12,
  });

  const batches = createTrainingBatches(await splits.train(), {
    batchSize,
    seed,
    normalization,
    augmentation: { crop: 2 },
  });
  const evaluations = eventsOf(first, 'evaluation');
  // Six evaluations in twelve steps.
  expect(evaluations.map(({ step }) => step)).toEqual([2, 4, 6, 8, 10, 12]);
  for (const evaluation of evaluations) {
    const a = await trainer.step(batches.at(trainer.steps));
    const b = await trainer.step(batches.at(trainer.steps));
    const { loss, counts, count } = await trainer.evaluate(
      batchesInOrder(await splits.validation(), { batchSize, normalization }),
    );
    expect(evaluation).toEqual({
      type: 'evaluation',
      step: trainer.steps,
      epoch: trainer.steps / 4,
      // Half a cosine from 0.01; of the last step taken.
      learningRate: expect.closeTo(0.005 * (1 + Math.cos((Math.PI * (trainer.steps - 1)) / 12)), 12),
      train: { loss: (a.loss + b.loss) / 2, accuracy: (a.counts.correct + b.counts.correct) / 16 },
      validation: { loss, accuracy: counts.correct / count },
    });
  }
  expect(lastEvent(readEvents(first.events), 'finish')).toMatchObject({
    step: 12,
    batchHash: trainer.batchHash,
    weightsHash: trainer.parameterHash(),
    validation: evaluations.at(-1)!.validation,
  });
  expect(readFileSync(first.checkpoint).equals(trainer.checkpoint())).toBe(true);

  const files = newRun(root, config);
  await train(files, settings, () => {});
  await evaluateTest(files, settings, () => {});
  const test = await trainer.evaluate(batchesInOrder(await splits.test(), { batchSize, normalization }));
  expect(readEvents(files.events).at(-1)).toEqual({
    type: 'test',
    step: 12,
    metrics: { accuracy: test.counts.correct / test.count, loss: test.loss },
  });
  expect(statusOf(files)).toBe('tested');
  await trainer.dispose();
});

test('gradients are recorded before and after the method, and before the optimizer', () => {
  const snapshots = eventsOf(first, 'gradients');
  // Every step of a run of fewer than 40.
  expect(snapshots.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, step) => step));
  for (const { layers, descentCosine } of snapshots) {
    const kernel = layers.find(({ path }) => path === 'stem/conv/kernel')!;
    // ZNorm of 144 elements: mean 0, deviation 1, norm √144; in float32, to six digits.
    expect(kernel.after.mean).toBeCloseTo(0, 6);
    expect(kernel.after.std).toBeCloseTo(1, 5);
    expect(kernel.after.norm).toBeCloseTo(12, 4);
    expect(kernel.before.std).not.toBeCloseTo(1, 5);
    expect(descentCosine).toBeGreaterThan(0);
  }
});

test('in a long run forty looks are spread from the first steps to the last, with an evaluation an epoch', async () => {
  const longer = await trained({ model: 'mlp', epochs: 15, trainSize: 32 });
  // 60 steps: every third of them is left out.
  expect(eventsOf(longer, 'gradients').map(({ step }) => step)).toEqual(
    Array.from({ length: 40 }, (_, i) => Math.round(1.5 * (i + 1)) - 1),
  );
  expect(eventsOf(longer, 'evaluation').map(({ epoch }) => epoch)).toEqual(
    Array.from({ length: 15 }, (_, i) => i + 1),
  );
});

test('a method that does nothing leaves the gradient as it is', async () => {
  const files = await trained({ method: 'baseline', gradientChain: [] });
  for (const { layers, descentCosine } of eventsOf(files, 'gradients')) {
    expect(layers.map(({ after }) => after)).toEqual(layers.map(({ before }) => before));
    expect(descentCosine).toBe(1);
  }
});

test('degenerate tensors are counted over the whole run', async () => {
  // A deviation under which every gradient lies.
  const files = await trained({ gradientChain: [{ znorm: { minStd: 1e6 } }], model: 'mlp' });
  // Six tensors of three layers, twelve steps.
  expect(lastEvent(readEvents(files.events), 'finish')!.degenerate).toBe(6 * 12);
});

test('progress rises to the end, with means of the last steps and a clock', async () => {
  const heard: RunProgress[] = [];
  await train(newRun(root, config), settings, (progress) => heard.push(progress));
  expect(heard.map(({ share }) => share)).toEqual(Array.from({ length: 12 }, (_, i) => (i + 1) / 12));
  expect(heard.at(-1)).toMatchObject({ epoch: 3, secondsLeft: 0 });
  const losses = eventsOf(first, 'evaluation').map(({ train }) => train.loss);
  // The mean of twelve steps is the mean of six means of two, but for the order of additions.
  expect(heard.at(-1)!.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 6, 10);
  expect(heard.every(({ samplesPerSecond }) => samplesPerSecond > 0)).toBe(true);
});

test('progress of a test rises to the end, without loss and accuracy', async () => {
  const files = newRun(root, config);
  await train(files, settings, () => {});
  const heard: RunProgress[] = [];
  await evaluateTest(files, settings, (progress) => heard.push(progress));
  expect(heard.map(({ share }) => share)).toEqual([8 / 20, 16 / 20, 1]);
  expect(heard.at(-1)).toMatchObject({ epoch: 3, loss: null, metrics: {}, secondsLeft: 0 });
});
