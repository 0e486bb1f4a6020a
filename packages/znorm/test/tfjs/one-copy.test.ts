import { createRequire } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { adam } from '../../src/index.ts';
import { messageOf } from './small-training.ts';

const require = createRequire(import.meta.url);
const path = require.resolve('@tensorflow/tfjs-core');
const message =
  'tfjsOptimizer: expected one copy of @tensorflow/tfjs-core in the program, got two, one of them 4.22.0. Run `npm ls @tensorflow/tfjs-core`, then `npm dedupe`; with a script tag, do not bundle another.';

/** Loads the library again, as a second installation would. */
function loadAgain(): object {
  const loaded = require.cache[path];
  delete require.cache[path];
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const second = require(path);
  require.cache[path] = loaded;
  return second;
}

afterEach(() => vi.restoreAllMocks());

describe('a second copy of TensorFlow.js', () => {
  it('that takes over from the first is reported when an optimizer is made', async () => {
    const { tfjsOptimizer } = await import('../../src/tfjs/index.ts');
    expect(() => tfjsOptimizer(adam())).not.toThrow();
    loadAgain();
    expect(messageOf(() => tfjsOptimizer(adam()))).toBe(message);
  });

  it('that came first is reported too', async () => {
    const second = loadAgain();
    vi.resetModules();
    vi.doMock('@tensorflow/tfjs-core', () => second);
    const { tfjsOptimizer } = await import('../../src/tfjs/index.ts');
    expect(messageOf(() => tfjsOptimizer(adam()))).toBe(message);
  });
});
