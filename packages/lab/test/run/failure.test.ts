import { readFileSync, writeFileSync } from 'node:fs';
import { decodeSafetensors, encodeSafetensors } from '@znorm/train';
import { afterAll, expect, test } from 'vitest';
import type { RunConfig } from '../../src/run/config.ts';
import { evaluateTest } from '../../src/run/evaluate-test.ts';
import { lastEvent, readEvents } from '../../src/run/events.ts';
import { statusOf } from '../../src/run/folder.ts';
import { train } from '../../src/run/train.ts';
import { drawnDigits } from '../drawn-digits.ts';
import { newRun, settingsOf, smallConfig } from './small-run.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);
const settings = settingsOf(cache);

/** Momentum at a rate that throws the weights out of range in the first steps. */
async function failed(changes: Partial<RunConfig>) {
  const momentum = [{ momentum: { learningRate: changes.learningRate ?? 1e30, momentum: 0.9 } }];
  const files = newRun(
    root,
    smallConfig({ model: 'mlp', gradientChain: [], optimizerChain: momentum, ...changes }),
  );
  await train(files, settings, () => {});
  expect(statusOf(files)).toBe('failed');
  return { files, fail: lastEvent(readEvents(files.events), 'fail')! };
}

test('a gradient that is not finite fails the run, with its step and its tensor', async () => {
  const { fail } = await failed({});
  expect(fail).toMatchObject({ step: 1, tensor: 'hidden0/kernel' });
  expect(fail.message).toBe(
    "step 1: expected finite gradients, got NaN at 'hidden0/kernel' (loss NaN). Lower the learning rate, clip gradients, or start the chain with nonfinite().",
  );
});

test('a validation loss that is not finite fails the run too, although every gradient was finite', async () => {
  // One step an evaluation, so that the weights are thrown out just before one.
  const { fail } = await failed({ epochs: 6, trainSize: 8 });
  expect(fail).toMatchObject({
    step: 1,
    message: 'validation at step 1: expected a finite loss, got NaN. Lower the learning rate.',
  });
});

test('what a guard in the chain refuses fails the run with the words of the guard', async () => {
  const { fail } = await failed({ gradientChain: ['nonfinite'] });
  expect(fail).toMatchObject({
    step: 1,
    message:
      "step 1: nonfinite: expected finite gradients, got 200704 of 200704 elements NaN or infinite at 'hidden0/kernel' and in 5 more of 6 tensors. Lower the learning rate, clip, or choose `action: 'skip'`.",
  });
  // Evaluated every four steps, and so not before the guard gives up.
  const skipping = await failed({
    epochs: 6,
    gradientChain: [{ nonfinite: { action: 'skip', maxConsecutive: 2 } }],
  });
  expect(skipping.fail).toMatchObject({
    step: 3,
    message:
      'step 3: nonfinite: expected at most 2 skipped steps in a row, got 3. Lower the learning rate, or look at the gradients with inspectGradients().',
  });
});

test('numbers that are not finite keep a snapshot of gradients out of the record', async () => {
  const { files } = await failed({ gradientChain: [{ nonfinite: { action: 'skip', maxConsecutive: 2 } }] });
  const events = readEvents(files.events);
  expect(events.filter(({ type }) => type === 'gradients')).toHaveLength(1);
});

test('a test loss that is not finite fails a run that was trained', async () => {
  const files = newRun(root, smallConfig({ model: 'mlp' }));
  await train(files, settings, () => {});
  // The weights of a run that went out of range just after its last evaluation.
  const { tensors, metadata } = decodeSafetensors(readFileSync(files.checkpoint));
  tensors['parameters/output/bias'].data.fill(Number.NaN);
  writeFileSync(files.checkpoint, encodeSafetensors({ tensors, metadata }));
  await evaluateTest(files, settings, () => {});
  expect(readEvents(files.events).at(-1)).toMatchObject({
    type: 'fail',
    step: 12,
    tensor: 'output/bias',
    message:
      "test at step 12: expected a finite loss, got NaN ('output/bias' is not finite). Lower the learning rate.",
  });
  expect(statusOf(files)).toBe('failed');
});
