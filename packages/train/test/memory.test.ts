import { expect, test } from 'vitest';
import { createTensorMemory } from '../src/memory.ts';

test('tensors lie in one memory, each on a cache line, none over another', () => {
  const lengths = { parameters: { w: 3, b: 17, none: 0 }, gradients: { w: 3, b: 17, none: 0 } };
  const { memory, views } = createTensorMemory(lengths);
  const all = [...Object.values(views.parameters), ...Object.values(views.gradients)];
  for (const [i, view] of all.entries()) view.fill(i + 1);
  all.forEach((view, i) => {
    expect(view.buffer).toBe(memory.buffer);
    expect(view.byteOffset % 64).toBe(0);
    expect(view.every((value) => value === i + 1)).toBe(true);
  });
  expect(all.map((view) => view.length)).toEqual([3, 17, 0, 3, 17, 0]);
});

test('large tensors start on a page of the processor, so that they cross pages together', () => {
  const { views } = createTensorMemory({
    parameters: { small: 3, large: 65_536 },
    gradients: { small: 3, large: 65_536 },
  });
  expect(views.parameters.large.byteOffset % 4096).toBe(0);
  expect(views.gradients.large.byteOffset % 4096).toBe(0);
  expect(views.gradients.small.byteOffset).toBe(views.parameters.large.byteOffset + 4 * 65_536);
});

test('the first page stays free for the static data of a kernel', () => {
  const { memory, views } = createTensorMemory({ all: { a: 100_000 } });
  views.all.a.fill(1);
  expect(new Uint8Array(memory.buffer, 0, 65536).every((byte) => byte === 0)).toBe(true);
});

test('the memory cannot grow, so no view can ever be detached', () => {
  const { memory } = createTensorMemory({ all: { a: 1 } });
  expect(() => memory.grow(1)).toThrow();
});

test('more than 4 GiB is an error that says what to do', () => {
  expect(() => createTensorMemory({ parameters: { w: 2 ** 30 } })).toThrow(
    new RangeError(
      'createTensorMemory: expected at most 4 GiB, the limit of a WebAssembly memory, got 4.0 GiB. Use a smaller model or an optimizer with less state.',
    ),
  );
});
