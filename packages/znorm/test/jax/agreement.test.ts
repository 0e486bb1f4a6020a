import { describe, expect, it } from 'vitest';
import { useJax } from '../carriers/jax.ts';
import { backends, exceeding } from '../conformance/backends.ts';
import { chains } from '../conformance/chain-grid.ts';
import { errorsUnderJit } from './agreement-case.ts';

await useJax();
const { tried, bound } = backends['jax-js wasm, under jit'];

describe('compiled by jax-js for WebAssembly, a step is that on plain arrays:', () => {
  it.each(tried)('%s', async (name) => {
    expect(exceeding(await errorsUnderJit(chains[name]), bound)).toEqual([]);
  });
});
