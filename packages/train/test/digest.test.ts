import { expect, test } from 'vitest';
import { createDigest } from '../src/digest.ts';

test('is XXH3 with 128 bits: the value its authors publish for empty input', async () => {
  const digest = await createDigest();
  expect(digest()).toBe('99aa06d3014798d86001c324468d497f');
});

test('sees the bytes of a view, not of the memory behind it', async () => {
  const digest = await createDigest();
  const memory = new WebAssembly.Memory({ initial: 1 });
  const view = new Float32Array(memory.buffer, 64, 3).fill(1.5);
  const alone = digest(Float32Array.of(1.5, 1.5, 1.5));
  expect(digest(view)).toBe(alone);
  view[1] = -0;
  const negative = digest(view);
  view[1] = 0;
  expect(new Set([alone, negative, digest(view)]).size).toBe(3);
});

test('parts are hashed one after the other', async () => {
  const digest = await createDigest();
  expect(digest('ab', Uint8Array.of(99))).toBe(digest('abc'));
});
