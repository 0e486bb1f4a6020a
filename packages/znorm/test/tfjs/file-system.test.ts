import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adamw, chain, znorm } from '../../src/index.ts';
import { fileSystem } from '../../src/tfjs/file-system.ts';
import { tfjsOptimizer } from '../../src/tfjs/index.ts';
import { smallModel, train, weightsOf } from './small-training.ts';

let folder = '';
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'znorm-'));
});
afterAll(() => rm(folder, { recursive: true }));

const optimizer = () => tfjsOptimizer(chain(znorm(), adamw({ learningRate: 0.02 })));

it('a training that stopped goes on from files to the bit: model beside state, or model with optimizer', async () => {
  const [whole, stopped] = [smallModel(), smallModel()];
  whole.compile({ optimizer: optimizer(), loss: 'meanSquaredError' });
  const first = optimizer();
  stopped.compile({ optimizer: first, loss: 'meanSquaredError' });
  await train(whole, 9);
  await train(stopped, 4);
  await stopped.save(fileSystem(join(folder, 'model')));
  await first.saveState(fileSystem(join(folder, 'optimizer')));
  await stopped.save(fileSystem(join(folder, 'together')), { includeOptimizer: true });

  const beside = await tf.loadLayersModel(fileSystem(join(folder, 'model')));
  const second = optimizer();
  await second.loadState(fileSystem(join(folder, 'optimizer')));
  beside.compile({ optimizer: second, loss: 'meanSquaredError' });
  await train(beside, 5);
  expect(weightsOf(beside)).toEqual(weightsOf(whole));

  const together = await tf.loadLayersModel(fileSystem(join(folder, 'together')));
  await train(together, 5);
  expect(weightsOf(together)).toEqual(weightsOf(whole));
});

it('files are those that TensorFlow.js writes, and saving again replaces them', async () => {
  const state = optimizer();
  const place = join(folder, 'twice');
  await state.saveState(fileSystem(place));
  await state.saveState(fileSystem(place));
  expect(await readdir(place)).toEqual(['model.json', 'weights.bin']);
  const json = JSON.parse(await readFile(join(place, 'model.json'), 'utf8'));
  expect(json.weightsManifest).toEqual([
    { paths: ['weights.bin'], weights: [{ name: 'iter', shape: [], dtype: 'int32', group: 'optimizer' }] },
  ]);
});

it('a folder without files is an error that names the file', async () => {
  await expect(optimizer().loadState(fileSystem(join(folder, 'never')))).rejects.toThrow(
    /never\/model\.json/,
  );
});
