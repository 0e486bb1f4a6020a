import { expect, test } from 'vitest';
import { runConfig, runFolderName } from '../../src/run/config.ts';
import { wholeBatches } from '../../src/tasks/recipe.ts';
import { smallConfig } from './small-run.ts';

test('steps are whole batches times epochs; the samples left over are dropped', () => {
  const sizes = { validationSize: 1, testSize: 1 };
  expect(wholeBatches({ ...sizes, trainSize: 36, batchSize: 8, epochs: 3 })).toBe(4 * 3);
  expect(wholeBatches({ ...sizes, trainSize: 8, batchSize: 8, epochs: 1 })).toBe(1);
});

test('a run is found by method, rate and seed', () => {
  expect(runFolderName(smallConfig({ learningRate: 1e30, seed: 2 }))).toBe('method-znorm/rate-1e+30/seed-2');
});

test('a config survives JSON, and nothing else passes for one', () => {
  const config = smallConfig();
  expect(runConfig.parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
  expect(() => runConfig.parse({ ...config, epochs: 1.5 })).toThrow('int');
  expect(() => runConfig.parse({ ...config, jobs: 2 })).toThrow('jobs');
});
