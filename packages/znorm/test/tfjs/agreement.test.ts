import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { backends, exceeding } from '../conformance/backends.ts';
import { chains } from '../conformance/chain-grid.ts';
import { errorsOf } from './agreement-cases.ts';

const require = createRequire(import.meta.url);

beforeAll(() => {
  setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist/'));
});

describe.each([
  ['cpu', 'host'],
  ['cpu', 'device'],
  ['wasm', 'host'],
  ['wasm', 'device'],
] as const)('on the %s backend, a step on the %s is that on plain arrays:', (backend, updateOn) => {
  const { tried, bound } = backends[`TensorFlow.js ${backend}, step on the ${updateOn}`];
  beforeAll(() => tf.setBackend(backend));

  it.each(tried)('%s', async (name) => {
    expect(exceeding(await errorsOf(chains[name], updateOn), bound)).toEqual([]);
  });
});
