import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { chains, errorsOf } from './agreement-cases.ts';

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
  beforeAll(() => tf.setBackend(backend));

  it.each(Object.entries(chains))('%s', async (_, json) => {
    for (const [path, error] of Object.entries(await errorsOf(json, updateOn))) {
      // Five steps of some ten roundings to float32 (6e-8) each; a NaN fails, too.
      expect(error, path).toBeLessThanOrEqual(3e-6);
    }
  });
});
